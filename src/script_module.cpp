#include "script_module.h"

#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/runtime/profiling_graph_executor_impl.h>
#include <torch/script.h>

#include <functional>
#include <string>

#include "txt2img/error.h"

namespace txt2img {

struct ScriptModule::Impl {
  mutable torch::jit::Module module;
};

namespace {

// The interpreter's messages are a traceback; the last line that says something is the reason.
std::string last_line(std::string text) {
  text.erase(text.find_last_not_of(" \n") + 1);
  const std::size_t start = text.find_last_of('\n');
  return start == std::string::npos ? text : text.substr(start + 1);
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// Runs `work`; what LibTorch throws becomes an Error that begins with `what`.
template <typename Work>
auto translate_errors(const std::string& what, const std::string& remedy, Work work) {
  try {
    return work();
  } catch (const c10::OutOfMemoryError& error) {
    throw Error(ExitCode::kUnavailable,
                what + ": the device is out of memory; use a smaller size, --batch-size 1 or --dtype float16",
                error.what());
  } catch (const c10::Error& error) {
    throw Error(ExitCode::kBadData, what + ": " + first_line(error.what_without_backtrace()) + remedy, error.what());
  } catch (const std::bad_alloc& error) {
    throw Error(ExitCode::kUnavailable, what + ": out of memory; use a smaller size or --batch-size 1", error.what());
  } catch (const std::exception& error) {
    throw Error(ExitCode::kBadData, what + ": " + last_line(error.what()) + remedy, error.what());
  }
}

// Module::to would cast integer buffers too.
void cast_and_move(const torch::jit::Module& module, c10::Device device, c10::ScalarType dtype) {
  const auto convert = [&](const at::Tensor& tensor) {
    const c10::ScalarType wanted = tensor.is_floating_point() ? dtype : tensor.scalar_type();
    if (tensor.device() != device || tensor.scalar_type() != wanted) tensor.set_data(tensor.to(device, wanted));
  };
  for (const at::Tensor& parameter : module.parameters()) convert(parameter);
  for (const at::Tensor& buffer : module.buffers()) convert(buffer);
}

torch::jit::Module load(const std::filesystem::path& file, c10::Device device, c10::ScalarType dtype) {
  // Without these the first two runs record profiles and compile: +0.7 s, and no faster afterwards.
  torch::jit::getProfilingMode() = false;
  torch::jit::setGraphExecutorOptimize(false);
  torch::jit::Module module = torch::jit::load(file.string(), c10::Device(c10::DeviceType::CPU));
  module.eval();
  cast_and_move(module, device, dtype);
  return module;
}

std::vector<at::Tensor> to_tensors(const c10::IValue& value) {
  if (value.isTensor()) return {value.toTensor()};
  if (value.isTensorList()) return value.toTensorVector();
  std::vector<at::Tensor> tensors;
  for (const c10::IValue& element : value.toTupleRef().elements()) tensors.push_back(element.toTensor());
  return tensors;
}

}  // namespace

ScriptModule::ScriptModule(const std::filesystem::path& file, c10::Device device, c10::ScalarType dtype)
    : name_(file.filename().string()), device_(device), dtype_(dtype) {
  impl_ = translate_errors("cannot load " + file.string(), "; export the model again",
                           [&] { return std::make_unique<Impl>(Impl{.module = load(file, device, dtype)}); });
}

ScriptModule::~ScriptModule() = default;
ScriptModule::ScriptModule(ScriptModule&&) noexcept = default;
ScriptModule& ScriptModule::operator=(ScriptModule&&) noexcept = default;

std::vector<at::Tensor> ScriptModule::run(const std::vector<at::Tensor>& inputs) const {
  return translate_errors(name_, "; does the module fit its entry in model.json?",
                          [&] { return to_tensors(impl_->module.forward({inputs.begin(), inputs.end()})); });
}

}  // namespace txt2img
