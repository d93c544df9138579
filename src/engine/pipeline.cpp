#include "pipeline.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/Utils.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "device/cpu_threads.h"
#include "device/device.h"
#include "device/tensor_memory.h"
#include "sampler/sampler.h"
#include "txt2img/error.h"
#include "txt2img/schedule.h"
#include "txt2img/sha256.h"

namespace txt2img {
namespace {

constexpr std::size_t kTextsMax = 64;  // encoded prompts that are kept

class Stopwatch {
 public:
  // Seconds since the start or the last lap.
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - std::exchange(start_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// One CPU generator for each picture, seeded with its own seed: its noise is the same alone, in a batch and on CUDA.
class PictureNoise {
 public:
  PictureNoise(std::span<const Settings> pictures, std::vector<std::int64_t> shape, c10::Device device)
      : shape_(std::move(shape)), device_(device) {
    for (const Settings& picture : pictures) generators_.push_back(at::detail::createCPUGenerator(picture.seed));
  }

  // (N, C, h, w) float32: (1, C, h, w) from each generator.
  at::Tensor draw() {
    std::vector<at::Tensor> rows;
    for (at::Generator& generator : generators_) rows.push_back(at::randn(shape_, generator, at::kFloat));
    const at::Tensor noise = at::cat(rows);
    // From pinned memory the copy joins the queue of the device, which needs not be waited for.
    return device_.is_cuda() ? noise.pin_memory().to(device_, at::kFloat, /*non_blocking=*/true) : noise;
  }

 private:
  std::vector<std::int64_t> shape_;
  c10::Device device_;
  std::vector<at::Generator> generators_;
};

std::string hash_tensor(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.cpu().contiguous();
  return sha256_hex({static_cast<const std::byte*>(plain.const_data_ptr()), plain.nbytes()});
}

std::string hash_floats(const at::Tensor& tensor) { return hash_tensor(tensor.to(at::kFloat)); }

Stages hash_stages(const at::Tensor& ids, const at::Tensor& context, const at::Tensor& noise, const at::Tensor& latent,
                   const Image& image) {
  return {.ids = hash_tensor(ids),
          .context = hash_floats(context),
          .noise = hash_floats(noise),
          .latent = hash_floats(latent),
          .pixels = sha256_hex(std::as_bytes(std::span(image.rgb)))};
}

void check_batch(std::span<const Settings> pictures) {
  if (pictures.empty()) throw Error(ExitCode::kUsage, "nothing to draw");
  for (const Settings& picture : pictures) {
    if (!can_share_batch(pictures.front(), picture))
      throw Error(ExitCode::kUsage, "pictures of one batch must have the same size and settings");
  }
}

c10::Device prepare_device(const EngineOptions& options) {
  const c10::Device device = find_device(options.device);
  configure_device(device, options);
  return device;
}

std::vector<std::unique_ptr<Tokenizer>> make_tokenizers(const Bundle& bundle) {
  std::vector<std::unique_ptr<Tokenizer>> tokenizers;
  for (const TokenizerSpec& spec : bundle.tokenizers) tokenizers.push_back(make_tokenizer(spec, bundle.folder));
  return tokenizers;
}

// (1, L) int64.
at::Tensor make_ids(const Tokenizer& tokenizer, const TokenizerSpec& spec, const std::string& prompt) {
  return at::tensor(pad_ids(tokenizer.encode(prompt).ids, spec), at::kLong).unsqueeze(0);
}

enum class Half { kNegative, kPositive };

// The scores are those that the reference's refiner is told.
double time_id(TimeId id, const Settings& settings, Half half) {
  const SizeConditioning& sizes = settings.size_conditioning;
  switch (id) {
    case TimeId::kOriginalHeight: return sizes.original_height > 0 ? sizes.original_height : settings.height;
    case TimeId::kOriginalWidth: return sizes.original_width > 0 ? sizes.original_width : settings.width;
    case TimeId::kCropTop: return sizes.crop_top;
    case TimeId::kCropLeft: return sizes.crop_left;
    case TimeId::kTargetHeight: return sizes.target_height > 0 ? sizes.target_height : settings.height;
    case TimeId::kTargetWidth: return sizes.target_width > 0 ? sizes.target_width : settings.width;
    case TimeId::kAestheticScore: return half == Half::kPositive ? 6.0 : 2.5;
  }
  return 0;
}

// (N, number of ids) float32.
at::Tensor make_time_ids(const UnetSpec& spec, const Settings& settings, Half half, std::int64_t rows,
                         c10::Device device) {
  std::vector<double> ids;
  for (const TimeId id : spec.time_ids) ids.push_back(time_id(id, settings, half));
  return at::tensor(ids, at::kFloat).repeat({rows, 1}).to(device);
}

}  // namespace

Pipeline::Pipeline(Bundle bundle, const EngineOptions& options)
    : bundle_(std::move(bundle)),
      device_(prepare_device(options)),
      precision_(choose_precision(bundle_, options, device_)),
      vae_precision_(choose_vae_precision(options)),
      vae_tiling_(options.vae_tiling),
      memory_(options.memory),
      switches_(options.switches),
      noise_schedule_(bundle_.scheduler) {
  const c10::InferenceMode guard;
  Stopwatch watch;
  tokenizers_ = make_tokenizers(bundle_);
  if (memory_ == MemoryUse::kNormal) {
    need(text_encoder_, precision_);
    need(unet_, precision_);
    need(vae_, vae_precision_);
  }
  check_tiling();
  if (device_.is_cpu()) threads_missed_ = std::max(0, options.threads - at::get_num_threads());
  load_seconds_ = watch.lap();
}

Pipeline::~Pipeline() = default;

template <typename Module>
Module& Pipeline::need(std::unique_ptr<Module>& module, Precision precision) {
  if (!module) module = std::make_unique<Module>(bundle_, device_, to_scalar_type(precision), switches_);
  return *module;
}

template <typename Module>
void Pipeline::release(std::unique_ptr<Module>& module) const {
  if (memory_ == MemoryUse::kNormal) return;
  module.reset();
  return_freed_memory();
}

// Before a picture is sampled in vain.
void Pipeline::check_tiling() {
  if (vae_tiling_ != VaeTiling::kOn) return;
  if (!need(vae_, vae_precision_).can_be_tiled()) {
    throw Error(ExitCode::kUsage, bundle_.vae.decoder + " has layers that cannot be tiled; use --vae-tiling off");
  }
  release(vae_);
}

void Pipeline::warn_of_threads(const Observer& observer) {
  const int missed = std::exchange(threads_missed_, 0);
  if (missed == 0 || !observer.on_warning) return;
  const int threads = at::get_num_threads();
  observer.on_warning("--threads " + std::to_string(threads + missed) + ": OpenMP gives " + std::to_string(threads) +
                      ", which draw; OMP_THREAD_LIMIT or OMP_MAX_ACTIVE_LEVELS may allow no more");
}

EngineFacts Pipeline::facts() const {
  return {.device = describe_device(device_),
          .precision = precision_,
          .vae_precision = vae_precision_,
          .switches = changed_switches(switches_, device_.is_cpu() ? "cpu" : "cuda")};
}

const Pipeline::Text& Pipeline::encode(const std::string& prompt, int clip_skip) {
  const TextKey key{prompt, clip_skip};
  if (const auto found = std::ranges::find(texts_, key, &std::pair<TextKey, Text>::first); found != texts_.end()) {
    texts_.splice(texts_.begin(), texts_, found);
    return found->second;
  }
  std::vector<at::Tensor> ids;
  for (std::size_t i = 0; i < tokenizers_.size(); ++i) {
    ids.push_back(make_ids(*tokenizers_[i], bundle_.tokenizers[i], prompt));
  }
  const TextEmbedding embedding = need(text_encoder_, precision_).encode(ids, clip_skip);
  // Not a view, which would keep the contexts of all clip skips.
  Text text{.ids = at::cat(ids, 1), .context = embedding.context.clone(), .pooled = embedding.pooled};
  texts_.emplace_front(key, std::move(text));
  if (texts_.size() > kTextsMax) texts_.pop_back();
  return texts_.front().second;
}

Pipeline::Text Pipeline::encode(const std::vector<std::string>& prompts, int clip_skip) {
  std::vector<at::Tensor> ids;
  std::vector<at::Tensor> contexts;
  std::vector<at::Tensor> pooled;
  for (const std::string& prompt : prompts) {
    const Text& text = encode(prompt, clip_skip);
    ids.push_back(text.ids);
    contexts.push_back(text.context);
    pooled.push_back(text.pooled);
  }
  return {.ids = at::cat(ids), .context = at::cat(contexts), .pooled = at::cat(pooled)};
}

Conditioning Pipeline::condition(const Text& text, const Settings& settings) const {
  const std::int64_t rows = text.ids.size(0);
  Conditioning conditioning;
  conditioning[UnetInput::kContext] = text.context;
  conditioning[UnetInput::kPooled] = text.pooled;
  if (bundle_.unet.takes(UnetInput::kTimeIds))
    conditioning[UnetInput::kTimeIds] = make_time_ids(bundle_.unet, settings, Half::kPositive, rows, device_);
  if (bundle_.unet.takes(UnetInput::kGuidance))
    conditioning[UnetInput::kGuidance] =
        at::full({rows}, settings.guidance, at::TensorOptions(at::kFloat).device(device_));
  return conditioning;
}

// The reference encodes the negative prompt with the model's own layer whatever the clip skip.
std::optional<Conditioning> Pipeline::encode_negative(std::span<const Settings> pictures) {
  const Settings& settings = pictures.front();
  if (!settings.is_guided() || bundle_.unet.takes(UnetInput::kGuidance)) return std::nullopt;
  std::vector<std::string> prompts;
  for (const Settings& picture : pictures) prompts.push_back(picture.negative);
  Conditioning conditioning = condition(encode(prompts, 1), settings);
  if (bundle_.unet.takes(UnetInput::kTimeIds)) {
    conditioning[UnetInput::kTimeIds] =
        make_time_ids(bundle_.unet, settings, Half::kNegative, static_cast<std::int64_t>(prompts.size()), device_);
  }
  if (!bundle_.text_encoder.zero_empty_negative) return conditioning;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    if (!prompts[i].empty()) continue;
    const auto row = static_cast<std::int64_t>(i);
    conditioning[UnetInput::kContext][row].zero_();
    conditioning[UnetInput::kPooled][row].zero_();
  }
  return conditioning;
}

Denoise Pipeline::make_denoise(const Settings& settings, Conditioning positive,
                               const std::optional<Conditioning>& negative) {
  DenoiserOptions options = denoiser_options(bundle_.scheduler, settings.sampler, settings.sampler_options);
  options.guidance = settings.guidance;
  options.guidance_rescale = settings.guidance_rescale;
  const Unet& unet = need(unet_, precision_);
  const auto predict = [&unet](const at::Tensor& latent, double timestep, const Conditioning& conditioning) {
    return unet.predict(latent, timestep, conditioning);
  };
  return Denoiser(predict, options, std::move(positive), negative);
}

at::Tensor Pipeline::sample(std::span<const Settings> pictures, const at::Tensor& initial_noise, const Denoise& denoise,
                            const NoiseSource& noise, const Observer& observer) const {
  const Settings& settings = pictures.front();
  const Trajectory trajectory = plan_trajectory(noise_schedule_, bundle_.scheduler, settings.sampler, settings.schedule,
                                                settings.steps, settings.sampler_options);
  const auto sampler = make_sampler(settings.sampler, settings.sampler_options, bundle_.scheduler);
  StepHooks hooks;
  hooks.keep_going = [&](int done) {
    if (observer.on_step) observer.on_step(done, static_cast<int>(trajectory.steps.size()));
    return !observer.is_cancelled || !observer.is_cancelled();
  };
  return run_sampler(*sampler, trajectory, start_from_noise(trajectory, initial_noise), denoise, noise, hooks);
}

at::Tensor Pipeline::decode_with(const VaeDecoder& vae, const at::Tensor& latent, std::vector<Retry>& retries,
                                 const Observer& observer) const {
  const std::uint64_t peak = vae.peak_bytes(latent);
  const bool is_too_big = peak > memory_bytes(device_) / 2;
  if (vae_tiling_ == VaeTiling::kOn || (vae_tiling_ == VaeTiling::kAuto && is_too_big)) return vae.decode_tiled(latent);
  try {
    return vae.decode(latent);
  } catch (const Error& error) {
    const bool can_be_tiled = vae_tiling_ == VaeTiling::kAuto && peak > 0;
    if (error.code() != ExitCode::kUnavailable || !can_be_tiled) throw;
    retries.push_back(Retry::kVaeTiled);
    if (observer.on_warning) {
      observer.on_warning("decoding ran out of memory and is done again in tiles; --vae-tiling on does so at once");
    }
  }
  return vae.decode_tiled(latent);
}

// A half-precision VAE that overflows is run once more in float32.
at::Tensor Pipeline::decode(const at::Tensor& latent, std::vector<Retry>& retries, const Observer& observer) {
  const auto is_finite = [](const at::Tensor& x) { return at::isfinite(x).all().item<bool>(); };
  at::Tensor rgb = decode_with(need(vae_, vae_precision_), latent, retries, observer);
  if (!is_finite(rgb) && vae_precision_ != Precision::kFloat32) {
    retries.push_back(Retry::kVaeFloat32);
    release(vae_);
    rgb = decode_with(VaeDecoder(bundle_, device_, at::kFloat, switches_), latent, retries, observer);
    if (observer.on_warning) {
      observer.on_warning("the VAE overflowed in half precision and was run again in float32; use --vae-dtype float32");
    }
  }
  if (is_finite(rgb)) return rgb;
  throw Error(ExitCode::kInternal, "the VAE's picture holds NaN or Inf; is the bundle's VAE damaged?");
}

void Pipeline::draw(std::span<const Settings> pictures, const Observer& observer) {
  const c10::InferenceMode guard;
  join_cpu_threads();  // the one which draws may be another each time
  warn_of_threads(observer);
  check_batch(pictures);
  // What a batch that failed has left.
  release(text_encoder_);
  release(unet_);
  release(vae_);
  const Settings& settings = pictures.front();
  Stopwatch watch;
  std::vector<std::string> prompts;
  for (const Settings& picture : pictures) prompts.push_back(picture.prompt);
  const Text text = encode(prompts, settings.clip_skip);
  const std::optional<Conditioning> negative = encode_negative(pictures);
  release(text_encoder_);
  const double encode_seconds = watch.lap();

  const Denoise denoise = make_denoise(settings, condition(text, settings), negative);
  const VaeSpec& vae = bundle_.vae;
  const std::vector<std::int64_t> shape = {1, vae.latent_channels, settings.height / vae.factor,
                                           settings.width / vae.factor};
  if (device_.is_cpu() && std::exchange(shape_, shape) != shape) trim_scratch();
  PictureNoise noise(pictures, shape, device_);
  const at::Tensor initial_noise = noise.draw();
  const at::Tensor latent = sample(pictures, initial_noise, denoise, [&] { return noise.draw(); }, observer);
  if (const auto problem = unet_->take_graph_problem(); problem && observer.on_warning)
    observer.on_warning("the UNet's calls are not replayed as a CUDA graph, which would be faster: " + *problem);
  release(unet_);
  const double sample_seconds = watch.lap();

  const auto share = static_cast<double>(pictures.size());
  std::optional<Error> failure;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    Picture picture;
    try {
      picture.image = to_image(decode(latent[row].unsqueeze(0), picture.retries, observer)[0]);
    } catch (const Error& error) {
      failure = error;
      continue;
    }
    picture.stages = hash_stages(text.ids[row], text.context[row], initial_noise[row], latent[row], picture.image);
    picture.seconds = {.load = std::exchange(load_seconds_, 0),
                       .encode = encode_seconds / share,
                       .sample = sample_seconds / share,
                       .decode = watch.lap()};
    if (observer.on_picture) observer.on_picture(i, std::move(picture));
  }
  release(vae_);
  if (failure) throw Error(*failure);
}

}  // namespace txt2img
