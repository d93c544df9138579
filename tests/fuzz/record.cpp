// The record that a picture carries: --show and --from read those of others.
#include "txt2img/record.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace txt2img;
  return fuzz::try_it([&] {
    const Record record = parse_record(std::string(fuzz::text_of(data, size)));
    const std::string json = record_json(record);
    fuzz::require(record_json(parse_record(json)) == json);
    fuzz::require(job_key(record).size() == 64);
    fuzz::require(!parameters_text(record).empty());
  });
}
