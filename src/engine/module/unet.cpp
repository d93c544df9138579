#include "module/unet.h"

#include <ATen/ops/full.h>

#include <vector>

#include "cuda/cuda_graph.h"
#include "cuda/graphed_call.h"
#include "module/script_module.h"
#include "txt2img/error.h"
#include "txt2img/switches.h"

namespace txt2img {

Unet::Unet(const Bundle& bundle, c10::Device device, c10::ScalarType dtype)
    : spec_(bundle.unet), module_(std::make_unique<ScriptModule>(bundle.folder / bundle.unet.file, device, dtype)) {
  if (!device.is_cuda() || !CudaGraph::is_available() || !cuda_levers().graph) return;
  graphed_ =
      std::make_unique<GraphedCall>([module = module_.get()](const auto& inputs) { return module->run(inputs); });
}

Unet::~Unet() = default;

std::optional<std::string> Unet::take_graph_problem() const {
  return graphed_ ? graphed_->take_problem() : std::nullopt;
}

bool Unet::takes(UnetInput input) const { return spec_.takes(input); }

at::Tensor Unet::predict(const at::Tensor& latent, double timestep, const Conditioning& conditioning) const {
  const c10::ScalarType dtype = module_->dtype();
  std::vector<at::Tensor> inputs;
  for (UnetInput input : spec_.inputs) {
    switch (input) {
      case UnetInput::kLatent: inputs.push_back(latent.to(dtype)); break;
      case UnetInput::kTimestep:
        inputs.push_back(at::full({latent.size(0)}, timestep, latent.options().dtype(at::kFloat)));
        break;
      case UnetInput::kContext: inputs.push_back(conditioning.context.to(dtype)); break;
      case UnetInput::kPooled: inputs.push_back(conditioning.pooled.to(dtype)); break;
      case UnetInput::kTimeIds: inputs.push_back(conditioning.time_ids); break;
      case UnetInput::kGuidance: inputs.push_back(conditioning.guidance); break;
    }
  }
  const std::vector<at::Tensor> output = graphed_ ? (*graphed_)(inputs) : module_->run(inputs);
  const std::vector<std::int64_t> wanted = {latent.size(0), spec_.out_channels, latent.size(2), latent.size(3)};
  if (output.size() != 1 || output[0].sizes() != at::IntArrayRef(wanted)) {
    throw Error(ExitCode::kBadData,
                spec_.file + " does not return one tensor of the latent's size; export the model again");
  }
  return output[0].to(at::kFloat);
}

}  // namespace txt2img
