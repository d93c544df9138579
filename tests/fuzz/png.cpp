// PNG files from elsewhere: texts, record and pixels.
#include "txt2img/png.h"
#include "fuzz.h"
#include "txt2img/record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace txt2img;
  const fuzz::MemoryFile file(fuzz::text_of(data, size));
  fuzz::try_it([&] { static_cast<void>(read_png_texts(file.path())); });
  fuzz::try_it([&] { static_cast<void>(read_record(file.path())); });
  return fuzz::try_it([&] {
    const Image image = read_png(file.path());
    fuzz::require(image.rgb.size() == std::size_t{3} * image.width * image.height);
  });
}
