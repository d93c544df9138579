#include "try_module.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "device/device.h"
#include "graph/torch_errors.h"
#include "module/script_module.h"
#include "txt2img/error.h"
#include "txt2img/joined.h"
#include "txt2img/tokenizer.h"

namespace txt2img {
namespace {

// Of the latent: small, not square, and what the downsampling of a UNet can halve three times.
constexpr std::int64_t kHeight = 16;
constexpr std::int64_t kWidth = 24;

struct Input {
  std::string name{};
  at::Tensor value{};
};

struct Part {
  std::string file{};
  Precision stored{};
  Precision wanted{};
};

Part part_of(const Bundle& bundle, const EngineOptions& options, ModuleKind kind, c10::Device device) {
  const Precision precision = choose_precision(bundle, options, device);
  const Precision vae_precision = choose_vae_precision(options);
  switch (kind) {
    case ModuleKind::kTextEncoder: return {bundle.text_encoder.file, bundle.text_encoder.stored, precision};
    case ModuleKind::kUnet: return {bundle.unet.file, bundle.unet.stored, precision};
    case ModuleKind::kVaeDecoder: return {bundle.vae.decoder, bundle.vae.stored, vae_precision};
    case ModuleKind::kVaeEncoder: return {bundle.vae.encoder.value_or(""), bundle.vae.stored, vae_precision};
  }
  return {};
}

std::vector<Input> prompt_inputs(const Bundle& bundle) {
  std::vector<Input> inputs;
  for (const TokenizerSpec& spec : bundle.tokenizers) {
    std::vector<std::int64_t> ids;
    if (spec.bos >= 0) ids.push_back(spec.bos);
    ids.push_back(spec.eos);
    inputs.push_back({"ids", at::tensor(pad_ids(std::move(ids), spec), at::kLong).unsqueeze(0)});
  }
  return inputs;
}

std::vector<Input> unet_inputs(const Bundle& bundle, at::Generator& generator, c10::ScalarType dtype) {
  const auto random = [&](at::IntArrayRef sizes) { return at::randn(sizes, generator, at::kFloat).to(dtype); };
  const std::int64_t tokens = bundle.tokenizers.front().length;
  std::vector<Input> inputs;
  for (const UnetInput input : bundle.unet.inputs) {
    switch (input) {
      case UnetInput::kLatent:
        inputs.push_back({"latent", random({1, bundle.unet.in_channels, kHeight, kWidth})});
        break;
      case UnetInput::kTimestep: inputs.push_back({"timestep", at::full({1}, 500.0, at::kFloat)}); break;
      case UnetInput::kContext:
        inputs.push_back({"context", random({1, tokens, bundle.text_encoder.context_width})});
        break;
      case UnetInput::kPooled: inputs.push_back({"pooled", random({1, bundle.text_encoder.pooled_width})}); break;
      case UnetInput::kTimeIds:
        inputs.push_back(
            {"time_ids", at::zeros({1, static_cast<std::int64_t>(bundle.unet.time_ids.size())}, at::kFloat)});
        break;
      case UnetInput::kGuidance: inputs.push_back({"guidance", at::full({1}, 7.5, at::kFloat)}); break;
    }
  }
  return inputs;
}

std::vector<Input> inputs_of(const Bundle& bundle, ModuleKind kind, c10::ScalarType dtype) {
  at::Generator generator = at::detail::createCPUGenerator(1);
  const auto random = [&](at::IntArrayRef sizes) { return at::randn(sizes, generator, at::kFloat).to(dtype); };
  const VaeSpec& vae = bundle.vae;
  switch (kind) {
    case ModuleKind::kTextEncoder: return prompt_inputs(bundle);
    case ModuleKind::kUnet: return unet_inputs(bundle, generator, dtype);
    case ModuleKind::kVaeDecoder: return {{"latent", random({1, vae.latent_channels, kHeight, kWidth})}};
    case ModuleKind::kVaeEncoder:
      return {{"image", random({1, 3, kHeight * vae.factor, kWidth * vae.factor}).clamp(-1, 1)}};
  }
  return {};
}

using Shape = std::vector<std::int64_t>;

// What the bundle format says that comes out.
std::vector<Shape> output_shapes(const Bundle& bundle, ModuleKind kind) {
  const VaeSpec& vae = bundle.vae;
  const TextEncoderSpec& text = bundle.text_encoder;
  switch (kind) {
    case ModuleKind::kTextEncoder:
      return {{text.clip_skips, 1, bundle.tokenizers.front().length, text.context_width}, {1, text.pooled_width}};
    case ModuleKind::kUnet: return {{1, bundle.unet.out_channels, kHeight, kWidth}};
    case ModuleKind::kVaeDecoder: return {{1, 3, kHeight * vae.factor, kWidth * vae.factor}};
    case ModuleKind::kVaeEncoder:
      return {{1, std::int64_t{vae.has_posterior ? 2 : 1} * vae.latent_channels, kHeight, kWidth}};
  }
  return {};
}

std::string shape_text(at::IntArrayRef shape) {
  return "(" + joined(shape, ", ", [](std::int64_t size) { return std::to_string(size); }) + ")";
}

std::string call_text(const std::vector<Input>& inputs, const std::vector<Shape>& outputs) {
  const auto input_text = [](const Input& input) { return input.name + " " + shape_text(input.value.sizes()); };
  return joined(inputs, ", ", input_text) + " -> " + joined(outputs, ", ", shape_text);
}

bool is_finite(const at::Tensor& tensor) {
  return !tensor.is_floating_point() || at::isfinite(tensor).all().item<bool>();
}

// As they are stored: a cast to half precision may overflow.
ModuleReport check_weights(const ScriptModule& module, const Part& part) {
  ModuleReport report;
  for (const ScriptModule::Weight& weight : module.weights()) {
    report.parameters += static_cast<std::uint64_t>(weight.value.numel());
    if (weight.stored != to_scalar_type(part.stored)) {
      throw Error(ExitCode::kBadData, part.file + ": " + weight.name + " is stored as " + c10::toString(weight.stored) +
                                          ", not as " + std::string(name_of(part.stored)) + " as model.json says");
    }
    if (!is_finite(weight.value)) throw Error(ExitCode::kBadData, part.file + ": " + weight.name + " holds NaN or Inf");
  }
  report.dtype = name_of(part.stored);
  return report;
}

std::string check_call(const Bundle& bundle, const ScriptModule& module, const std::string& file, ModuleKind kind) {
  const std::vector<Input> inputs = inputs_of(bundle, kind, module.dtype());
  std::vector<at::Tensor> values;
  for (const Input& input : inputs) values.push_back(input.value.to(module.device()));
  const std::vector<at::Tensor> outputs = module.run(values);
  std::vector<Shape> shapes;
  for (const at::Tensor& output : outputs) shapes.push_back(output.sizes().vec());
  const std::vector<Shape> wanted = output_shapes(bundle, kind);
  std::string call = call_text(inputs, shapes);
  if (shapes != wanted)
    throw Error(ExitCode::kBadData, file + ": " + call + ", but model.json says " + joined(wanted, ", ", shape_text));
  if (std::ranges::all_of(outputs, is_finite)) return call;
  throw Error(ExitCode::kBadData, file + ": " + call + " gives NaN or Inf in " + c10::toString(module.dtype()));
}

}  // namespace

ModuleReport try_module(const Bundle& bundle, const EngineOptions& options, ModuleKind kind) {
  const c10::InferenceMode guard;
  const c10::Device device = find_device(options.device);
  configure_device(device, options);
  const Part part = part_of(bundle, options, kind, device);
  const std::filesystem::path file = bundle.folder / part.file;
  return translate_errors(part.file, "", [&] {
    auto module = std::make_unique<ScriptModule>(file, device, to_scalar_type(part.stored), options.switches);
    ModuleReport report = check_weights(*module, part);
    if (part.wanted != part.stored) {
      module.reset();
      module = std::make_unique<ScriptModule>(file, device, to_scalar_type(part.wanted), options.switches);
    }
    report.call = check_call(bundle, *module, part.file, kind);
    return report;
  });
}

}  // namespace txt2img
