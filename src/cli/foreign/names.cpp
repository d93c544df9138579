#include "foreign/names.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string>
#include <system_error>

#include "txt2img/ascii.h"
#include "txt2img/error.h"
#include "txt2img/names.h"

namespace txt2img::cli {
namespace {

using enum ForeignKind;

constexpr std::string_view kOneModel = "a run has one model; give it with --model";
constexpr std::string_view kFromText = "pictures are drawn from text only";
constexpr std::string_view kNoHires = "there is no second pass at a larger size; give the size with --size";
constexpr std::string_view kNoUpscaler = "pictures are not enlarged afterwards";
constexpr std::string_view kNoFaces = "faces are not restored";
constexpr std::string_view kNoVariation = "a picture has one seed, without variations";
constexpr std::string_view kNoTiling = "there are no pictures that repeat without a seam";
constexpr std::string_view kNoStyles = "there are no styles; write them into the prompt";
constexpr std::string_view kInTheModel = "it is part of the model; scripts/export_model.py takes it";
constexpr std::string_view kNoRefiner = "there is no refiner within a run";
constexpr std::string_view kNoGuidance = "there is no such guidance";
constexpr std::string_view kNoPatch = "the model is not patched so";
constexpr std::string_view kOnePrompt = "all text encoders read the one prompt";
constexpr std::string_view kNoEmbeds = "the context is made from text";
constexpr std::string_view kTorchNoise = "the noise is always that of a CPU in PyTorch";
constexpr std::string_view kNoStopping = "all steps are drawn";
constexpr std::string_view kOfMidjourney = "a parameter of Midjourney";

constexpr auto kNames = std::to_array<ForeignName>({
    {"ar", kMissing, "", "give the size with --size"},
    {"aspect", kMissing, "", "give the size with --size"},
    {"aspect_ratio", kMissing, "", "give the size with --size"},
    {"base_model", kOption, "model"},
    {"batch_count", kFactor, "count"},
    {"batch_size", kFactor, "count"},
    {"c", kOption, "guidance"},
    {"caption", kOption, "prompt"},
    {"cfg", kOption, "guidance"},
    {"cfg_rescale", kOption, "guidance-rescale"},
    {"cfg_rescale_multiplier", kOption, "guidance-rescale"},
    {"cfg_rescale_phi", kOption, "guidance-rescale"},
    {"chaos", kMissing, "", kOfMidjourney},
    {"checkpoint", kOption, "model"},
    {"ckpt", kOption, "model"},
    {"ckpt_name", kOption, "model"},
    {"clip_stop_at_last_layers", kOption, "clip-skip"},
    {"codeformer_fidelity", kFollower, "", kNoFaces},
    {"control_image", kMissing, "", kFromText},
    {"controlnet", kMissing, "", kFromText},
    {"controlnets", kMissing, "", kFromText},
    {"crops_coords_top_left", kOption, "crop"},
    {"ddim", kMissing, "", "give --sampler ddim"},
    {"ddim_eta", kOption, "eta"},
    {"ddim_steps", kOption, "steps"},
    {"denoise", kMissing, "", kFromText, "1"},
    {"denoising_end", kMissing, "", kNoStopping},
    {"denoising_start", kMissing, "", kFromText},
    {"denoising_strength", kFollower, "", kFromText},
    {"diffusion_model", kOption, "model"},
    {"distilled_cfg_scale", kMissing, "", kNoGuidance},
    {"dpm_solver", kMissing, "", "give --sampler dpmpp_2m"},
    {"dyn_threshold", kMissing, "", kNoGuidance},
    {"embeddings", kMissing, "", kInTheModel},
    {"enable_hr", kMissing, "", kNoHires},
    {"ensd", kMissing, "", kTorchNoise},
    {"eta_ddim", kOption, "eta"},
    {"eta_noise_seed_delta", kMissing, "", kTorchNoise},
    {"face_restoration", kMissing, "", kNoFaces},
    {"face_restoration_model", kFollower, "", kNoFaces},
    {"facetool", kFollower, "", kNoFaces},
    {"facetool_strength", kMissing, "", kNoFaces},
    {"fixed_code", kMissing, "", "pictures of one run have seeds of their own"},
    {"fp16", kMissing, "", "give --dtype float16"},
    {"freeu", kMissing, "", kNoPatch},
    {"from_file", kOption, "file"},
    {"full_precision", kMissing, "", "give --dtype float32"},
    {"gfpgan_strength", kMissing, "", kNoFaces},
    {"guidance_scale", kOption, "guidance"},
    {"h", kOption, "height"},
    {"hires_cfg_scale", kMissing, "", kNoHires},
    {"hires_checkpoint", kMissing, "", kNoHires},
    {"hires_fix", kMissing, "", kNoHires},
    {"hires_prompt", kMissing, "", kNoHires},
    {"hires_resize", kMissing, "", kNoHires},
    {"hires_sampler", kMissing, "", kNoHires},
    {"hires_steps", kMissing, "", kNoHires},
    {"hires_upscale", kMissing, "", kNoHires},
    {"hires_upscaler", kMissing, "", kNoHires},
    {"hr_checkpoint_name", kFollower, "", kNoHires},
    {"hr_negative_prompt", kFollower, "", kNoHires},
    {"hr_prompt", kFollower, "", kNoHires},
    {"hr_resize_x", kFollower, "", kNoHires},
    {"hr_resize_y", kFollower, "", kNoHires},
    {"hr_sampler_name", kFollower, "", kNoHires},
    {"hr_scale", kFollower, "", kNoHires},
    {"hr_scheduler", kFollower, "", kNoHires},
    {"hr_second_pass_steps", kFollower, "", kNoHires},
    {"hr_upscaler", kFollower, "", kNoHires},
    {"hypernet", kMissing, "", "there are no hypernetworks"},
    {"hypernetwork", kMissing, "", "there are no hypernetworks"},
    {"image", kMissing, "", kFromText},
    {"image_height", kOption, "height"},
    {"image_number", kOption, "count"},
    {"image_prompt", kMissing, "", kFromText},
    {"image_seed", kOption, "seed"},
    {"image_size", kOption, "size"},
    {"image_width", kOption, "width"},
    {"images", kOption, "count"},
    {"inference_steps", kOption, "steps"},
    {"init_image", kMissing, "", kFromText},
    {"init_images", kMissing, "", kFromText},
    {"init_img", kMissing, "", kFromText},
    {"inpaint", kMissing, "", kFromText},
    {"input_image", kMissing, "", kFromText},
    {"ip_adapter_image", kMissing, "", kFromText},
    {"ip_adapters", kMissing, "", kFromText},
    {"iterations", kOption, "count"},
    {"latents", kMissing, "", "the first latent is made from the seed"},
    {"lora", kMissing, "", kInTheModel},
    {"lora_hashes", kMissing, "", kInTheModel},
    {"loras", kMissing, "", kInTheModel},
    {"lowvram", kOption, "low-memory"},
    {"manual_seed", kOption, "seed"},
    {"mask", kMissing, "", kFromText},
    {"mask_blur", kFollower, "", kFromText},
    {"mask_image", kMissing, "", kFromText},
    {"medvram", kOption, "low-memory"},
    {"model_id", kOption, "model"},
    {"model_name", kOption, "model"},
    {"model_path", kOption, "model"},
    {"n", kOption, "count"},
    {"n_iter", kFactor, "count"},
    {"n_samples", kFactor, "count"},
    {"neg_prompt", kOption, "negative"},
    {"negative_prompt_2", kMissing, "", kOnePrompt},
    {"negative_prompt_embeds", kMissing, "", kNoEmbeds},
    {"ngms", kMissing, "", kNoGuidance},
    {"niji", kMissing, "", kOfMidjourney},
    {"no", kOption, "negative"},
    {"noise_seed", kOption, "seed"},
    {"num_images", kOption, "count"},
    {"num_images_per_prompt", kOption, "count"},
    {"num_inference_steps", kOption, "steps"},
    {"num_iter", kFactor, "count"},
    {"num_outputs", kOption, "count"},
    {"num_samples", kOption, "count"},
    {"num_steps", kOption, "steps"},
    {"number_of_images", kOption, "count"},
    {"outdir", kOption, "output"},
    {"outpath_grids", kMissing, "", "give --contact-sheet"},
    {"outpath_samples", kOption, "output"},
    {"output_dir", kOption, "output"},
    {"output_path", kOption, "output"},
    {"override_settings", kMissing, "", "give the settings themselves"},
    {"p", kOption, "prompt"},
    {"pag_scale", kMissing, "", kNoGuidance},
    {"performance", kMissing, "", "give --steps, --guidance and --sampler"},
    {"perlin", kMissing, "", kTorchNoise},
    {"plms", kMissing, "", "give --sampler pndm"},
    {"positive", kOption, "prompt"},
    {"positive_prompt", kOption, "prompt"},
    {"precision", kOption, "dtype"},
    {"pretrained_model_name_or_path", kOption, "model"},
    {"prompt_2", kMissing, "", kOnePrompt},
    {"prompt_embeds", kMissing, "", kNoEmbeds},
    {"prompt_en", kOption, "prompt"},
    {"prompt_file", kOption, "file"},
    {"prompt_text", kOption, "prompt"},
    {"prompts", kOption, "prompt"},
    {"prompts_file", kOption, "file"},
    {"random_seed", kOption, "seed"},
    {"refiner", kMissing, "", kNoRefiner},
    {"refiner_checkpoint", kMissing, "", kNoRefiner},
    {"refiner_model", kMissing, "", kNoRefiner},
    {"refiner_switch_at", kFollower, "", kNoRefiner},
    {"rescale_cfg", kOption, "guidance-rescale"},
    {"resolution", kOption, "size"},
    {"restore_faces", kMissing, "", kNoFaces},
    {"rng", kMissing, "", kTorchNoise, "cpu"},
    {"s_min_uncond", kMissing, "", kNoGuidance},
    {"sa", kOption, "sampler"},
    {"sample_method", kOption, "sampler"},
    {"sample_steps", kOption, "steps"},
    {"sampler_index", kOption, "sampler"},
    {"sampler_name", kOption, "sampler"},
    {"sampling_method", kOption, "sampler"},
    {"sampling_steps", kOption, "steps"},
    {"scale", kOption, "guidance"},
    {"schedule_max_sigma", kOption, "sigma-max"},
    {"schedule_min_sigma", kOption, "sigma-min"},
    {"schedule_rho", kOption, "rho"},
    {"schedule_type", kOption, "schedule"},
    {"scheduler", kOption, "schedule"},
    {"scheduler_name", kOption, "schedule"},
    {"sd_model", kOption, "model"},
    {"sd_model_checkpoint", kOption, "model"},
    {"sd_vae", kMissing, "", kInTheModel},
    {"se", kOption, "seed"},
    {"seamless", kMissing, "", kNoTiling},
    {"seamless_axes", kFollower, "", kNoTiling},
    {"seed_resize_from_h", kMissing, "", kNoVariation},
    {"seed_resize_from_w", kMissing, "", kNoVariation},
    {"sharpness", kMissing, "", kNoPatch},
    {"sigma_churn", kOption, "s-churn"},
    {"sigma_noise", kOption, "s-noise"},
    {"sigma_tmax", kOption, "s-tmax"},
    {"sigma_tmin", kOption, "s-tmin"},
    {"skip_layers", kMissing, "", kNoGuidance},
    {"skipped_layers", kMissing, "", "give --clip-skip, which is one more"},
    {"slg_scale", kMissing, "", kNoGuidance},
    {"st", kOption, "steps"},
    {"step", kOption, "steps"},
    {"stop_at_clip_layer", kOption, "clip-skip"},
    {"strength", kMissing, "", kFromText},
    {"style_preset", kMissing, "", kNoStyles},
    {"styles", kMissing, "", kNoStyles},
    {"stylize", kMissing, "", kOfMidjourney},
    {"subseed", kFollower, "", kNoVariation},
    {"subseed_strength", kMissing, "", kNoVariation},
    {"text_prompt", kOption, "prompt"},
    {"threshold", kMissing, "", kNoGuidance},
    {"ti_hashes", kMissing, "", kInTheModel},
    {"tiling", kMissing, "", kNoTiling},
    {"token_merging_ratio", kMissing, "", kNoPatch},
    {"torch_dtype", kOption, "dtype"},
    {"true_cfg_scale", kMissing, "", kNoGuidance, "1"},
    {"type", kOption, "dtype"},
    {"uc", kOption, "negative"},
    {"unconditional_guidance_scale", kOption, "guidance"},
    {"upscale", kMissing, "", kNoUpscaler},
    {"upscale_model", kMissing, "", kNoUpscaler},
    {"upscaler", kMissing, "", kNoUpscaler},
    {"vae", kMissing, "", kInTheModel},
    {"vae_name", kMissing, "", kInTheModel},
    {"variation_amount", kMissing, "", kNoVariation},
    {"variation_seed", kFollower, "", kNoVariation},
    {"variation_seed_strength", kMissing, "", kNoVariation},
    {"w", kOption, "width"},
    {"with_variations", kMissing, "", kNoVariation},
});

constexpr auto kLetters = std::to_array<ForeignName>({
    {"s", kOption, "steps"},
    {"S", kOption, "seed"},
    {"W", kOption, "width"},
    {"H", kOption, "height"},
    {"C", kOption, "guidance"},
    {"A", kOption, "sampler"},
    {"n", kOption, "count"},
    {"U", kMissing, "", kNoUpscaler},
    {"G", kMissing, "", kNoFaces},
    {"I", kMissing, "", kFromText},
    {"M", kMissing, "", kFromText},
    {"f", kMissing, "", kFromText},
    {"v", kMissing, "", kNoVariation},
    {"V", kMissing, "", kNoVariation},
});

bool read_number(std::string_view text, double& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

using ForeignRows = std::map<std::string, const ForeignName*, std::less<>>;

ForeignRows map_foreign_names() {
  ForeignRows rows;
  for (const ForeignName& row : kNames) rows.try_emplace(fold(row.name), &row);
  return rows;
}

template <typename Parse>
bool is_read_by(Parse parse, std::string_view value) {
  try {
    (void)parse(value);
    return true;
  } catch (const Error&) {
    return false;
  }
}

bool is_sampler_only(std::string_view value) {
  return !value.empty() && !is_read_by(parse_schedule, value) && is_sampler_name(value);
}

// "(1152, 896)", "[1152, 896]", "1152*896", "1152X896"
std::string meant_size(std::string_view value) {
  std::string size(value);
  std::erase_if(size, [](char c) { return std::string_view("()[] ").find(c) != std::string_view::npos; });
  std::ranges::replace_if(size, [](char c) { return c == ',' || c == '*' || c == 'X'; }, 'x');
  return size;
}

}  // namespace

std::string fold(std::string_view name) {
  std::string folded = lower_case(name);
  std::erase_if(folded, [](char c) { return c == ' ' || c == '-' || c == '_'; });
  return folded;
}

std::span<const ForeignName> foreign_names() { return kNames; }

const ForeignName* find_foreign_name(std::string_view name) {
  static const ForeignRows rows = map_foreign_names();
  const auto found = rows.find(fold(name));
  return found == rows.end() ? nullptr : found->second;
}

bool is_sampler_name(std::string_view value) { return is_read_by(parse_sampler, value); }

const ForeignName* find_foreign_letter(char letter) {
  const auto* const found = std::ranges::find(kLetters, std::string_view(&letter, 1), &ForeignName::name);
  return found == kLetters.end() ? nullptr : found;
}

std::string_view option_of(const ForeignName& name, std::string_view value) {
  return name.option == "schedule" && is_sampler_only(value) ? "sampler" : name.option;
}

std::string meant_value(std::string_view option, std::string_view value) {
  if (option == "seed" && value == "-1") return "random";
  if (option == "size") return meant_size(value);
  if (option == "clip-skip" && value.starts_with('-')) value.remove_prefix(1);
  return std::string(value);
}

bool asks_for_nothing(const ForeignName& name, std::string_view value) {
  constexpr auto kNothing = std::to_array<std::string_view>({"", "false", "null", "none", "[]", "{}"});
  const std::string folded = lower_case(value);
  double number = 1;
  const bool is_number = read_number(folded, number);
  if (is_number && (number == 0 || number == -1)) return true;
  double nothing = 0;
  if (is_number && read_number(name.nothing, nothing) && number == nothing) return true;
  return folded == name.nothing || std::ranges::find(kNothing, folded) != kNothing.end();
}

}  // namespace txt2img::cli
