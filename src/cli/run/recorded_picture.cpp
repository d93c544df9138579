#include "run/recorded_picture.h"

#include <string>

#include "txt2img/png.h"

namespace txt2img::cli {

Record record_of(const Bundle& bundle, const Settings& settings, const EngineFacts& engine, const Picture& picture) {
  const std::string device = engine.device.name.substr(0, engine.device.name.find(':'));
  Record record{.version = std::string(version()),
                .job_key = {},
                .model = bundle.name,
                .model_sha256 = bundle.sha256,
                .settings = settings,
                .device = device,
                .precision = engine.precision,
                .vae_precision = engine.vae_precision,
                .levers = engine.switches,
                .stages = picture.stages,
                .retries = picture.retries,
                .machine = engine.device.machine};
  record.job_key = job_key(record);
  return record;
}

std::vector<std::uint8_t> encode_picture(const Image& image, const Record& record, Metadata metadata) {
  return encode_png(image, metadata == Metadata::kWrite ? record_chunks(record) : std::vector<PngText>());
}

}  // namespace txt2img::cli
