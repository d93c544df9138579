#include "module/text_encoder.h"

#include <string>

#include "module/script_module.h"
#include "txt2img/error.h"

namespace txt2img {
namespace {

void check_output(const std::vector<at::Tensor>& output, const TextEncoderSpec& spec) {
  const bool fits = output.size() == 2 && output[0].dim() == 4 && output[0].size(0) == spec.clip_skips &&
                    output[0].size(3) == spec.context_width && output[1].dim() == 2 &&
                    output[1].size(1) == spec.pooled_width;
  if (fits) return;
  throw Error(ExitCode::kBadData, spec.file + " does not return (contexts (" + std::to_string(spec.clip_skips) +
                                      ", N, L, " + std::to_string(spec.context_width) + "), pooled (N, " +
                                      std::to_string(spec.pooled_width) +
                                      ")) as model.json says; export the model again");
}

}  // namespace

TextEncoder::TextEncoder(const Bundle& bundle, c10::Device device, c10::ScalarType dtype, const Switches& switches)
    : spec_(bundle.text_encoder),
      module_(std::make_unique<ScriptModule>(bundle.folder / bundle.text_encoder.file, device, dtype, switches)) {}

TextEncoder::~TextEncoder() = default;

TextEmbedding TextEncoder::encode(const std::vector<at::Tensor>& ids, int clip_skip) const {
  std::vector<at::Tensor> inputs;
  for (const at::Tensor& rows : ids) inputs.push_back(rows.to(module_->device()));
  const std::vector<at::Tensor> output = module_->run(inputs);
  check_output(output, spec_);
  return {.context = output[0].select(0, clip_skip - 1), .pooled = output[1]};
}

}  // namespace txt2img
