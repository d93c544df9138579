#include "pipeline.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

#include "device/cpu_threads.h"
#include "device/device.h"
#include "device/tensor_memory.h"
#include "module/picture_conditioning.h"
#include "module/picture_decoder.h"
#include "sampler/picture_noise.h"
#include "txt2img/error.h"
#include "txt2img/schedule.h"
#include "txt2img/sha256.h"

namespace txt2img {
namespace {

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

std::string hash_tensor(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.cpu().contiguous();
  return sha256_hex({static_cast<const std::byte*>(plain.const_data_ptr()), plain.nbytes()});
}

std::string hash_floats(const at::Tensor& tensor) { return hash_tensor(tensor.to(at::kFloat)); }

Stages hash_stages(const EncodedTexts& prompts, const at::Tensor& noise, const at::Tensor& latent, std::int64_t row,
                   const Image& image) {
  return {.ids = hash_tensor(prompts.ids[row]),
          .context = hash_floats(prompts.context[row]),
          .noise = hash_floats(noise[row]),
          .latent = hash_floats(latent[row]),
          .pixels = sha256_hex(std::as_bytes(std::span(image.rgb)))};
}

std::vector<const TextIds*> texts_of(std::span<const PictureInput> pictures, TextIds PictureInput::* which) {
  std::vector<const TextIds*> texts;
  for (const PictureInput& picture : pictures) texts.push_back(&(picture.*which));
  return texts;
}

std::vector<std::uint64_t> seeds_of(std::span<const PictureInput> pictures) {
  std::vector<std::uint64_t> seeds;
  for (const PictureInput& picture : pictures) seeds.push_back(picture.settings.seed);
  return seeds;
}

// Of each step of the trajectory. Further calls are part of the step before them, so that there are as many steps as
// were asked for.
std::vector<Guidance> guidance_of(const Settings& settings, const Trajectory& trajectory) {
  std::vector<Guidance> guidance;
  int step = -1;
  for (const Step& call : trajectory.steps) {
    if (!call.is_further_call) ++step;
    guidance.push_back(settings.is_guided_at(step, settings.steps) ? Guidance::kOn : Guidance::kOff);
  }
  return guidance;
}

}  // namespace

Pipeline::Pipeline(Bundle bundle, const EngineOptions& options)
    : bundle_(std::move(bundle)),
      placement_(place(bundle_, options)),
      vae_tiling_(options.vae_tiling),
      noise_schedule_(bundle_.scheduler),
      modules_(bundle_, placement_),
      texts_(modules_) {
  const c10::InferenceMode guard;
  Stopwatch watch;
  modules_.load();
  check_tiling();
  if (placement_.device.is_cpu()) threads_missed_ = std::max(0, options.threads - at::get_num_threads());
  load_seconds_ = watch.lap();
}

Pipeline::~Pipeline() = default;

// Before a picture is sampled in vain.
void Pipeline::check_tiling() {
  if (vae_tiling_ != VaeTiling::kOn || modules_.vae_decoder()->can_be_tiled()) return;
  throw Error(ExitCode::kUsage, bundle_.vae.decoder + " has layers that cannot be tiled; use --vae-tiling off");
}

void Pipeline::warn_of_threads(const Observer& observer) {
  const int missed = std::exchange(threads_missed_, 0);
  if (missed == 0 || !observer.on_warning) return;
  const int threads = at::get_num_threads();
  observer.on_warning("--threads " + std::to_string(threads + missed) + ": OpenMP gives " + std::to_string(threads) +
                      ", which draw; OMP_THREAD_LIMIT or OMP_MAX_ACTIVE_LEVELS may allow no more");
}

EngineFacts Pipeline::facts() const {
  return {.device = describe_device(placement_.device),
          .precision = placement_.precision,
          .vae_precision = placement_.vae_precision,
          .switches = changed_switches(placement_.switches, placement_.device.is_cpu() ? "cpu" : "cuda")};
}

// The reference encodes the negative prompt with the model's own layer whatever the clip skip.
void Pipeline::encode(Batch& batch) {
  Lease<TextEncoder> encoder;
  const Settings& settings = batch.settings();
  batch.prompts = texts_.encode(texts_of(batch.pictures, &PictureInput::prompt), settings.clip_skip, encoder);
  if (!settings.is_guided() || bundle_.unet.takes(UnetInput::kGuidance)) return;
  batch.negatives = texts_.encode(texts_of(batch.pictures, &PictureInput::negative), 1, encoder);
}

Conditioning Pipeline::negative_conditioning(const Batch& batch, const EncodedTexts& negatives) const {
  Conditioning conditioning =
      make_conditioning(bundle_, negatives, batch.settings(), GuidanceHalf::kNegative, placement_.device);
  if (!bundle_.text_encoder.zero_empty_negative) return conditioning;
  for (std::size_t i = 0; i < batch.pictures.size(); ++i) {
    if (!batch.pictures[i].settings.negative.empty()) continue;
    const auto row = static_cast<std::int64_t>(i);
    conditioning[UnetInput::kContext][row].zero_();
    conditioning[UnetInput::kPooled][row].zero_();
  }
  return conditioning;
}

Denoiser Pipeline::make_denoiser(const Unet& unet, const Batch& batch) const {
  const Settings& settings = batch.settings();
  DenoiserOptions options = denoiser_options(bundle_.scheduler, settings.sampler, settings.sampler_options);
  options.guidance = settings.guidance;
  options.guidance_rescale = settings.guidance_rescale;
  const auto predict = [&unet](const at::Tensor& latent, double timestep, const Conditioning& conditioning) {
    return unet.predict(latent, timestep, conditioning);
  };
  std::optional<Conditioning> negative;
  if (batch.negatives) negative = negative_conditioning(batch, *batch.negatives);
  return {predict, options,
          make_conditioning(bundle_, batch.prompts, settings, GuidanceHalf::kPositive, placement_.device), negative};
}

at::Tensor Pipeline::run(const Unet& unet, const Batch& batch, const NoiseSource& noise,
                         const Observer& observer) const {
  const Settings& settings = batch.settings();
  const Trajectory trajectory = plan_trajectory(noise_schedule_, bundle_.scheduler, settings.sampler, settings.schedule,
                                                settings.steps, settings.sampler_options);
  const std::size_t steps = trajectory.steps.size();
  const auto sampler = make_sampler(settings.sampler, settings.sampler_options, bundle_.scheduler);
  const Start start = start_from_noise(trajectory, batch.noise);
  const std::vector<Guidance> guidance = guidance_of(settings, trajectory);
  std::size_t step = start.first_step;
  StepHooks hooks;
  hooks.keep_going = [&](int done) {
    step = start.first_step + static_cast<std::size_t>(done);
    if (observer.on_step) observer.on_step(done, static_cast<int>(steps));
    return !observer.is_cancelled || !observer.is_cancelled();
  };
  const Denoiser denoiser = make_denoiser(unet, batch);
  const Denoise denoise = [&](const at::Tensor& x, const NoiseLevel& level) {
    return denoiser(x, level, guidance[step]);
  };
  return run_sampler(*sampler, trajectory, start, denoise, noise, hooks);
}

std::vector<std::int64_t> Pipeline::latent_shape(const Settings& settings) const {
  const VaeSpec& vae = bundle_.vae;
  return {1, vae.latent_channels, settings.height / vae.factor, settings.width / vae.factor};
}

void Pipeline::sample(Batch& batch, const Observer& observer) {
  const Lease<Unet> unet = modules_.unet();
  const std::vector<std::int64_t> shape = latent_shape(batch.settings());
  if (placement_.device.is_cpu() && std::exchange(shape_, shape) != shape) trim_scratch();
  PictureNoise noise(seeds_of(batch.pictures), shape, placement_.device);
  batch.noise = noise.draw();
  batch.latent = run(*unet, batch, [&noise] { return noise.draw(); }, observer);
  if (const auto problem = unet->take_graph_problem(); problem && observer.on_warning)
    observer.on_warning("the UNet's calls are not replayed as a CUDA graph, which would be faster: " + *problem);
}

// Where a picture cannot be decoded, the others are handed over all the same.
void Pipeline::finish(const Batch& batch, const Observer& observer) {
  PictureDecoder decoder(modules_, placement_, vae_tiling_);
  std::optional<Error> failure;
  Stopwatch watch;
  for (std::size_t i = 0; i < batch.pictures.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    Picture picture;
    try {
      picture.image = to_image(decoder.decode(batch.latent[row].unsqueeze(0), picture.retries, observer)[0]);
    } catch (const Error& error) {
      failure = error;
      continue;
    }
    picture.stages = hash_stages(batch.prompts, batch.noise, batch.latent, row, picture.image);
    picture.seconds = batch.share;
    picture.seconds.load = std::exchange(load_seconds_, 0);
    picture.seconds.decode = watch.lap();
    if (observer.on_picture) observer.on_picture(i, std::move(picture));
  }
  if (failure) throw Error(*failure);
}

void Pipeline::draw(std::span<const PictureInput> pictures, const Observer& observer) {
  const c10::InferenceMode guard;
  join_cpu_threads();  // the one which draws may be another each time
  warn_of_threads(observer);
  check_batch(pictures, bundle_);
  Batch batch{.pictures = pictures};
  const auto count = static_cast<double>(pictures.size());
  Stopwatch watch;
  encode(batch);
  batch.share.encode = watch.lap() / count;
  sample(batch, observer);
  batch.share.sample = watch.lap() / count;
  finish(batch, observer);
}

}  // namespace txt2img
