#include "module/script_module.h"

#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/runtime/interpreter.h>
#include <torch/csrc/jit/runtime/profiling_graph_executor_impl.h>
#include <torch/script.h>

#include <optional>
#include <string>
#include <unordered_set>
#include <utility>

#include "cpu/cpu_graph.h"
#include "cuda/group_norm.h"
#include "graph/graph_rewrite.h"
#include "graph/mapped_module.h"
#include "graph/torch_errors.h"
#include "module/split_graph.h"
#include "txt2img/error.h"

namespace txt2img {

struct ScriptModule::Impl {
  mutable torch::jit::Module module;
  std::optional<RewrittenGraph> graph{};
};

namespace {

constexpr const char* kCallRemedy = "; does the module fit its entry in model.json?";

bool is_channels_last(c10::Device device, c10::ScalarType dtype, const CudaSwitches& switches) {
  return device.is_cuda() && dtype != at::kFloat && switches.channels_last;
}

// Tensor cores read kernels with channels last: without that cuDNN transposes around each convolution.
at::MemoryFormat format_of(const at::Tensor& weight, c10::Device device, c10::ScalarType dtype,
                           const CudaSwitches& switches) {
  const bool is_kernel = weight.dim() == 4 && weight.is_floating_point();
  return is_kernel && is_channels_last(device, dtype, switches) ? at::MemoryFormat::ChannelsLast
                                                                : at::MemoryFormat::Contiguous;
}

std::optional<RewrittenGraph> rewrite(const torch::jit::Module& module, c10::Device device, c10::ScalarType dtype,
                                      const Switches& switches) {
  if (device.is_cpu()) return make_cpu_graph(module, inlined_graph(module), dtype, switches.cpu);
  if (!switches.cuda.group_norm || !is_channels_last(device, dtype, switches.cuda)) return std::nullopt;
  if (!has_group_norm_kernel())
    throw Error(ExitCode::kBadConfig,
                "TXT2IMG_CUDA_LEVERS: this build has no group_norm; build it where nvcc is found");
  return make_group_norm_graph(module, inlined_graph(module));
}

using Taken = std::unordered_set<const c10::TensorImpl*>;

// All but what is taken. Module::to would cast integer buffers too.
std::vector<ScriptModule::Weight> cast_and_move(const torch::jit::Module& module, c10::Device device,
                                                c10::ScalarType dtype, const CudaSwitches& switches,
                                                const Taken& taken) {
  std::vector<ScriptModule::Weight> weights;
  std::unordered_set<const c10::TensorImpl*> seen;
  const auto convert = [&](const std::string& name, const at::Tensor& tensor) {
    if (!seen.insert(tensor.unsafeGetTensorImpl()).second) return;
    const c10::ScalarType stored = tensor.scalar_type();
    const bool is_cast = tensor.is_floating_point() && !taken.contains(tensor.unsafeGetTensorImpl());
    const c10::ScalarType wanted = is_cast ? dtype : stored;
    if (tensor.device() != device || stored != wanted) {
      tensor.set_data(tensor.to(device, wanted).contiguous(format_of(tensor, device, wanted, switches)));
    }
    if (tensor.is_floating_point()) weights.push_back({.name = name, .stored = stored, .value = tensor});
  };
  for (const auto& parameter : module.named_parameters()) convert(parameter.name, parameter.value);
  for (const auto& buffer : module.named_buffers()) convert(buffer.name, buffer.value);
  return weights;
}

torch::jit::Module load(const std::filesystem::path& file) {
  // Without these the first two runs record profiles and compile: +0.7 s, and no faster afterwards.
  torch::jit::getProfilingMode() = false;
  torch::jit::setGraphExecutorOptimize(false);
  // Else what is thrown within a call comes out as a runtime_error, and "out of memory" cannot be told from a wrong
  // call.
  FLAGS_torch_jit_enable_rethrow_caught_exception = true;
  torch::jit::Module module = load_mapped(file);
  module.eval();
  return module;
}

std::optional<SplitGraph> split_copy(const torch::jit::Module& module, const std::optional<RewrittenGraph>& rewritten) {
  if (!rewritten) return split_graph(module, inlined_graph(module));
  return split_graph(module, rewritten->graph->copy(), rewritten->layers);
}

std::vector<at::Tensor> to_tensors(const c10::IValue& value) {
  if (value.isTensor()) return {value.toTensor()};
  if (value.isTensorList()) return value.toTensorVector();
  std::vector<at::Tensor> tensors;
  for (const c10::IValue& element : value.toTupleRef().elements()) tensors.push_back(element.toTensor());
  return tensors;
}

}  // namespace

ScriptModule::ScriptModule(const std::filesystem::path& file, c10::Device device, c10::ScalarType dtype,
                           const Switches& switches)
    : name_(file.filename().string()), device_(device), dtype_(dtype) {
  translate_errors("cannot load " + file.string(), "; export the model again", [&] {
    impl_ = std::make_unique<Impl>(Impl{.module = load(file)});
    const torch::jit::Module& module = impl_->module;
    if (module.find_method("forward")) impl_->graph = rewrite(module, device, dtype, switches);
    weights_ = cast_and_move(module, device, dtype, switches.cuda, impl_->graph ? impl_->graph->taken : Taken());
  });
}

ScriptModule::~ScriptModule() = default;
ScriptModule::ScriptModule(ScriptModule&&) noexcept = default;
ScriptModule& ScriptModule::operator=(ScriptModule&&) noexcept = default;

std::vector<at::Tensor> ScriptModule::run(const std::vector<at::Tensor>& inputs) const {
  return translate_errors(name_, kCallRemedy, [&] {
    if (!impl_->graph) return to_tensors(impl_->module.forward({inputs.begin(), inputs.end()}));
    torch::jit::Stack values = {impl_->module._ivalue()};
    values.insert(values.end(), inputs.begin(), inputs.end());
    impl_->module.get_method("forward").function().getSchema().checkAndNormalizeInputs(values, {});
    return to_tensors(impl_->graph->run(inputs));
  });
}

std::optional<ScriptModule::Split> ScriptModule::split() const {
  std::optional<SplitGraph> graph =
      translate_errors(name_, kCallRemedy, [&] { return split_copy(impl_->module, impl_->graph); });
  if (!graph) return std::nullopt;
  const auto run = [name = name_, head = std::move(graph->head)](const at::Tensor& input) {
    return translate_errors(name, kCallRemedy, [&] { return head(input); });
  };
  return Split{.head = run, .tail = std::move(graph->tail)};
}

}  // namespace txt2img
