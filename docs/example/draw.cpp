// Draws a picture with the bundled model: draw PROMPT FILE.png
#include <cstdlib>
#include <exception>
#include <iostream>

#include "txt2img/bundle.h"
#include "txt2img/engine_library.h"
#include "txt2img/output_file.h"
#include "txt2img/png.h"
#include "txt2img/request.h"

int main(int argc, char** argv) {
  if (argc != 3) return EXIT_FAILURE;
  try {
    const txt2img::Bundle bundle = txt2img::read_bundle(txt2img::find_bundle(""));
    txt2img::verify_files(bundle, txt2img::VerifyModel::kOnce);
    const txt2img::Settings settings = txt2img::settle(
        txt2img::Request().ask(&txt2img::Settings::prompt, argv[1]).ask(&txt2img::Settings::seed, 7), bundle);
    const txt2img::PictureInput input = txt2img::make_input(settings, txt2img::Tokenizers(bundle));
    const auto engine = txt2img::open_engine(bundle, {.device = "cpu"});
    engine->draw({&input, 1}, {.on_picture = [&](std::size_t, txt2img::Picture&& picture) {
                   txt2img::write_output_file(argv[2], txt2img::encode_png(picture.image, {}),
                                              txt2img::OnExists::kError);
                 }});
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
