#include "module/unet.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>

#include <vector>

#include "cuda/cuda_graph.h"
#include "cuda/graphed_call.h"
#include "module/script_module.h"
#include "txt2img/error.h"

namespace txt2img {

Conditioning Conditioning::followed_by(const Conditioning& other) const {
  Conditioning both;
  for (std::size_t i = 0; i < of_.size(); ++i) {
    if (of_[i].defined()) both.of_[i] = at::cat({of_[i], other.of_[i]});
  }
  return both;
}

Unet::Unet(const Bundle& bundle, c10::Device device, c10::ScalarType dtype, const Switches& switches)
    : spec_(bundle.unet),
      module_(std::make_unique<ScriptModule>(bundle.folder / bundle.unet.file, device, dtype, switches)) {
  if (!device.is_cuda() || !CudaGraph::is_available() || !switches.cuda.graph) return;
  graphed_ =
      std::make_unique<GraphedCall>([module = module_.get()](const auto& inputs) { return module->run(inputs); });
}

Unet::~Unet() = default;

std::optional<std::string> Unet::take_graph_problem() const {
  return graphed_ ? graphed_->take_problem() : std::nullopt;
}

bool Unet::takes(UnetInput input) const { return spec_.takes(input); }

at::Tensor Unet::input(UnetInput which, const at::Tensor& latent, double timestep,
                       const Conditioning& conditioning) const {
  switch (which) {
    case UnetInput::kLatent: return latent.to(module_->dtype());
    case UnetInput::kTimestep: return at::full({latent.size(0)}, timestep, latent.options().dtype(at::kFloat));
    case UnetInput::kContext:
    case UnetInput::kPooled: return conditioning[which].to(module_->dtype());
    case UnetInput::kTimeIds:
    case UnetInput::kGuidance: return conditioning[which];
  }
  return {};
}

at::Tensor Unet::predict(const at::Tensor& latent, double timestep, const Conditioning& conditioning) const {
  std::vector<at::Tensor> inputs;
  for (const UnetInput which : spec_.inputs) inputs.push_back(input(which, latent, timestep, conditioning));
  const std::vector<at::Tensor> output = graphed_ ? (*graphed_)(inputs) : module_->run(inputs);
  const std::vector<std::int64_t> wanted = {latent.size(0), spec_.out_channels, latent.size(2), latent.size(3)};
  if (output.size() != 1 || output[0].sizes() != at::IntArrayRef(wanted)) {
    throw Error(ExitCode::kBadData,
                spec_.file + " does not return one tensor of the latent's size; export the model again");
  }
  return output[0].to(at::kFloat);
}

}  // namespace txt2img
