#include "foreign/names.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <ranges>
#include <string>
#include <system_error>
#include <vector>

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

// Of many names with one meaning, separated by blanks.
struct ForeignNames {
  std::string_view names;
  ForeignKind kind{};
  std::string_view option;
  std::string_view note{};
  std::string_view nothing{};
};
constexpr auto kNames = std::to_array<ForeignNames>({
    {"clip_stop_at_last_layers stop_at_clip_layer", kOption, "clip-skip"},
    {"image_number images iterations n num_images num_images_per_prompt num_outputs num_samples "
     "number_of_images",
     kOption, "count"},
    {"batch_count batch_size n_iter n_samples num_iter", kFactor, "count"},
    {"crops_coords_top_left", kOption, "crop"},
    {"precision torch_dtype type", kOption, "dtype"},
    {"ddim_eta eta_ddim", kOption, "eta"},
    {"from_file prompt_file prompts_file", kOption, "file"},
    {"c cfg guidance_scale scale unconditional_guidance_scale", kOption, "guidance"},
    {"cfg_rescale cfg_rescale_multiplier cfg_rescale_phi rescale_cfg", kOption, "guidance-rescale"},
    {"h image_height", kOption, "height"},
    {"lowvram medvram", kOption, "low-memory"},
    {"base_model checkpoint ckpt ckpt_name diffusion_model model_id model_name model_path "
     "pretrained_model_name_or_path sd_model sd_model_checkpoint",
     kOption, "model"},
    {"neg_prompt no uc", kOption, "negative"},
    {"outdir outpath_samples output_dir output_path", kOption, "output"},
    {"caption p positive positive_prompt prompt_en prompt_text prompts text_prompt", kOption, "prompt"},
    {"schedule_rho", kOption, "rho"},
    {"sigma_churn", kOption, "s-churn"},
    {"sigma_noise", kOption, "s-noise"},
    {"sigma_tmax", kOption, "s-tmax"},
    {"sigma_tmin", kOption, "s-tmin"},
    {"sa sample_method sampler_index sampler_name sampling_method", kOption, "sampler"},
    {"schedule_type scheduler scheduler_name", kOption, "schedule"},
    {"image_seed manual_seed noise_seed random_seed se", kOption, "seed"},
    {"schedule_max_sigma", kOption, "sigma-max"},
    {"schedule_min_sigma", kOption, "sigma-min"},
    {"image_size resolution", kOption, "size"},
    {"ddim_steps inference_steps num_inference_steps num_steps sample_steps sampling_steps st step", kOption, "steps"},
    {"image_width w", kOption, "width"},
    {"skipped_layers", kMissing, "", "give --clip-skip, which is one more"},
    {"outpath_grids", kMissing, "", "give --contact-sheet"},
    {"fp16", kMissing, "", "give --dtype float16"},
    {"full_precision", kMissing, "", "give --dtype float32"},
    {"ddim", kMissing, "", "give --sampler ddim"},
    {"dpm_solver", kMissing, "", "give --sampler dpmpp_2m"},
    {"plms", kMissing, "", "give --sampler pndm"},
    {"performance", kMissing, "", "give --steps, --guidance and --sampler"},
    {"override_settings", kMissing, "", "give the settings themselves"},
    {"ar aspect aspect_ratio", kMissing, "", "give the size with --size"},
    {"fixed_code", kMissing, "", "pictures of one run have seeds of their own"},
    {"latents", kMissing, "", "the first latent is made from the seed"},
    {"hypernet hypernetwork", kMissing, "", "there are no hypernetworks"},
    {"control_image controlnet controlnets denoising_start image image_prompt init_image init_images init_img "
     "inpaint input_image ip_adapter_image ip_adapters mask mask_image strength",
     kMissing, "", kFromText},
    {"denoise", kMissing, "", kFromText, "1"},
    {"denoising_strength mask_blur", kFollower, "", kFromText},
    {"embeddings lora lora_hashes loras sd_vae ti_hashes vae vae_name", kMissing, "", kInTheModel},
    {"negative_prompt_embeds prompt_embeds", kMissing, "", kNoEmbeds},
    {"face_restoration facetool_strength gfpgan_strength restore_faces", kMissing, "", kNoFaces},
    {"codeformer_fidelity face_restoration_model facetool", kFollower, "", kNoFaces},
    {"distilled_cfg_scale dyn_threshold ngms pag_scale s_min_uncond skip_layers slg_scale threshold", kMissing, "",
     kNoGuidance},
    {"true_cfg_scale", kMissing, "", kNoGuidance, "1"},
    {"enable_hr hires_cfg_scale hires_checkpoint hires_fix hires_prompt hires_resize hires_sampler hires_steps "
     "hires_upscale hires_upscaler",
     kMissing, "", kNoHires},
    {"hr_checkpoint_name hr_negative_prompt hr_prompt hr_resize_x hr_resize_y hr_sampler_name hr_scale "
     "hr_scheduler hr_second_pass_steps hr_upscaler",
     kFollower, "", kNoHires},
    {"freeu sharpness token_merging_ratio", kMissing, "", kNoPatch},
    {"refiner refiner_checkpoint refiner_model", kMissing, "", kNoRefiner},
    {"refiner_switch_at", kFollower, "", kNoRefiner},
    {"denoising_end", kMissing, "", kNoStopping},
    {"style_preset styles", kMissing, "", kNoStyles},
    {"seamless tiling", kMissing, "", kNoTiling},
    {"seamless_axes", kFollower, "", kNoTiling},
    {"upscale upscale_model upscaler", kMissing, "", kNoUpscaler},
    {"seed_resize_from_h seed_resize_from_w subseed_strength variation_amount variation_seed_strength "
     "with_variations",
     kMissing, "", kNoVariation},
    {"subseed variation_seed", kFollower, "", kNoVariation},
    {"chaos niji stylize", kMissing, "", kOfMidjourney},
    {"negative_prompt_2 prompt_2", kMissing, "", kOnePrompt},
    {"ensd eta_noise_seed_delta perlin", kMissing, "", kTorchNoise},
    {"rng", kMissing, "", kTorchNoise, "cpu"},
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

std::vector<ForeignName> list_foreign_names() {
  std::vector<ForeignName> rows;
  for (const ForeignNames& row : kNames) {
    for (const auto name : std::views::split(row.names, ' '))
      rows.push_back({std::string_view(name.begin(), name.end()), row.kind, row.option, row.note, row.nothing});
  }
  return rows;
}

using ForeignRows = std::map<std::string, const ForeignName*, std::less<>>;

ForeignRows map_foreign_names() {
  ForeignRows rows;
  for (const ForeignName& row : foreign_names()) rows.try_emplace(fold(row.name), &row);
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

std::span<const ForeignName> foreign_names() {
  static const std::vector<ForeignName> rows = list_foreign_names();
  return rows;
}

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
