#include "bundle/bundle_json.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "bundle/file_entries_json.h"
#include "bundle/scheduler_json.h"
#include "bundle/tokenizer_json.h"
#include "sampling/sampler_options_json.h"
#include "text/json_fields.h"
#include "txt2img/ascii.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"
#include "txt2img/joined.h"
#include "txt2img/limits.h"

namespace txt2img {
namespace {

constexpr std::size_t kBytesMax = std::size_t{1} << 20;  // of model.json; real ones have 3 KB
constexpr int kVersion = 1;
constexpr int kWidthMax = 1 << 16;  // of contexts, and channels of anything
constexpr int kClipSkipsMax = 1000;
constexpr int kFactorMax = 256;

// Names that the format shares with the program: samplers, schedules.
template <class Info>
auto kind_of(std::span<const Info> table) {
  return [table](const JsonObject& object, std::string_view key) {
    const std::string label = object.get_string(key);
    const auto found = std::ranges::find(table, label, &Info::name);
    if (found != table.end()) return found->kind;
    object.fail(key, format_text("is {}, which this txt2img does not have (it has {}): write one of these there, "
                                 "update txt2img if a newer one wrote it",
                                 quote(label), joined(table, ", ", &Info::name)));
  };
}

// The bundle's name goes into messages, records and lists.
std::string get_name(const JsonObject& object, std::string_view key) {
  std::string name = object.get_string(key);
  const bool is_fine = !name.empty() && name.size() <= 200 && std::ranges::none_of(name, is_control);
  if (!is_fine) object.fail(key, "is " + quote(name) + ", must be a text of 1 to 200 bytes without control characters");
  return name;
}

TextEncoderSpec parse_text_encoder(const JsonObject& object, const Bundle& bundle) {
  TextEncoderSpec spec;
  read_fields(object, {
                          required("file", spec.file, with(get_file, bundle)),
                          required("dtype", spec.stored, get_precision),
                          required("clip_skips", spec.clip_skips, 1, kClipSkipsMax),
                          required("context_width", spec.context_width, 1, kWidthMax),
                          required("pooled_width", spec.pooled_width, 0, kWidthMax),
                          required("zero_empty_negative", spec.zero_empty_negative),
                      });
  return spec;
}

std::vector<UnetInput> get_inputs(const JsonObject& object, std::string_view key) {
  static constexpr std::array<std::string_view, 6> kNames{"latent", "timestep", "context",
                                                          "pooled", "time_ids", "guidance"};  // as in UnetInput
  const std::span<const std::string_view> names(kNames);
  std::vector<UnetInput> inputs;
  for (const std::string& name : object.get_strings(key)) {
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) object.fail(key, "has " + quote(name) + ", which this txt2img cannot feed");
    const auto input = static_cast<UnetInput>(found - names.begin());
    if (std::ranges::find(inputs, input) != inputs.end()) {
      object.fail(key, "has " + quote(name) + " twice");
    }
    inputs.push_back(input);
  }
  for (const UnetInput needed : {UnetInput::kLatent, UnetInput::kTimestep, UnetInput::kContext}) {
    if (std::ranges::find(inputs, needed) != inputs.end()) continue;
    object.fail(key, "lacks " + quote(kNames[static_cast<std::size_t>(needed)]) + ", which every UNet takes");
  }
  return inputs;
}

std::vector<TimeId> get_time_ids(const JsonObject& object, std::string_view key) {
  static constexpr auto kNames =
      std::to_array<std::string_view>({"original_height", "original_width", "crop_top", "crop_left", "target_height",
                                       "target_width", "aesthetic_score"});  // as in TimeId
  std::vector<TimeId> ids;
  for (const std::string& name : object.get_strings(key)) {
    const auto* const found = std::ranges::find(kNames, name);
    if (found == kNames.end()) object.fail(key, "has " + quote(name) + ", which this txt2img cannot feed");
    ids.push_back(static_cast<TimeId>(found - kNames.begin()));
  }
  if (ids.empty()) object.fail(key, "is empty");
  return ids;
}

// What a UNet takes where the bundle does not say.
std::vector<TimeId> sdxl_time_ids() {
  return {TimeId::kOriginalHeight, TimeId::kOriginalWidth, TimeId::kCropTop,
          TimeId::kCropLeft,       TimeId::kTargetHeight,  TimeId::kTargetWidth};
}

UnetSpec parse_unet(const JsonObject& object, const Bundle& bundle) {
  UnetSpec unet;
  unet.time_ids = sdxl_time_ids();
  read_fields(object, {
                          required("file", unet.file, with(get_file, bundle)),
                          required("dtype", unet.stored, get_precision),
                          required("inputs", unet.inputs, get_inputs),
                          required("in_channels", unet.in_channels, 1, kWidthMax),
                          required("out_channels", unet.out_channels, 1, kWidthMax),
                          optional("time_ids", unet.time_ids, get_time_ids),
                      });
  if (object.has("time_ids") && !unet.takes(UnetInput::kTimeIds)) {
    object.fail("time_ids", "is there, but not among the inputs");
  }
  if (unet.takes(UnetInput::kPooled) && bundle.text_encoder.pooled_width == 0) {
    object.fail("inputs", "has \"pooled\", but text_encoder.pooled_width is 0");
  }
  return unet;
}

// Both or neither, a number for each channel.
void check_statistics(const JsonObject& object, const VaeSpec& vae) {
  for (const auto& [key, other] : {std::pair{"latents_mean", "latents_std"}, {"latents_std", "latents_mean"}}) {
    if (object.has(key) && !object.has(other)) object.fail(key, std::string("is there without ") + other);
  }
  if (!object.has("latents_mean")) return;
  for (const auto& [key, numbers] : {std::pair{"latents_mean", &vae.latents_mean}, {"latents_std", &vae.latents_std}}) {
    if (std::cmp_equal(numbers->size(), vae.latent_channels)) continue;
    object.fail(key,
                format_text("has {} entries, must have latent_channels, {}", numbers->size(), vae.latent_channels));
  }
}

// VAEs that only decode have no encoder, or null for one.
std::optional<std::string> get_encoder(const JsonObject& object, std::string_view key, const Bundle& bundle) {
  if (object.is_null(key)) return std::nullopt;
  return get_file(object, key, bundle);
}

VaeSpec parse_vae(const JsonObject& object, const Bundle& bundle) {
  constexpr double kMax = 1e6;
  VaeSpec vae;
  read_fields(object, {
                          required("decoder", vae.decoder, with(get_file, bundle)),
                          optional("encoder", vae.encoder, with(get_encoder, bundle)),
                          required("dtype", vae.stored, get_precision),
                          required("factor", vae.factor, 1, kFactorMax),
                          required("latent_channels", vae.latent_channels, 1, kWidthMax),
                          required("scaling_factor", vae.scaling_factor, NumberRange{.min = 1e-6, .max = kMax}),
                          required("shift_factor", vae.shift_factor, NumberRange{.min = -kMax, .max = kMax}),
                          optional("latents_mean", vae.latents_mean, NumberRange{.min = -kMax, .max = kMax}),
                          optional("latents_std", vae.latents_std, NumberRange{.max = kMax, .is_open = true}),
                          optional("posterior", vae.has_posterior),
                      });
  check_statistics(object, vae);
  const UnetSpec& unet = bundle.unet;
  if (vae.latent_channels != unet.out_channels) {
    object.fail("latent_channels", "differs from unet.out_channels, which is " + std::to_string(unet.out_channels));
  }
  if (vae.latent_channels > unet.in_channels) {  // fewer are fine: inpainting UNets take a mask and a picture besides
    object.fail("latent_channels", "is more than unet.in_channels, which is " + std::to_string(unet.in_channels));
  }
  return vae;
}

int get_multiple(const JsonObject& object, std::string_view key, const Bundle& bundle) {
  const int multiple = object.get_integer(key, 1, kSizeMax);
  if (multiple % bundle.vae.factor == 0) return multiple;
  object.fail(key, "is not a multiple of vae.factor, " + std::to_string(bundle.vae.factor));
}

int get_side(const JsonObject& object, std::string_view key, int multiple) {
  const int side = object.get_integer(key, multiple, kSizeMax);
  if (side % multiple != 0) object.fail(key, "is not a multiple of size_multiple, " + std::to_string(multiple));
  return side;
}

// Parameters of the bundle's own sampler; those of schedules are the scheduler's.
SamplerOptions get_default_options(const JsonObject& defaults, std::string_view key, SamplerKind sampler) {
  const JsonObject object = defaults.get_object(key);
  std::vector<std::string_view> keys;
  for (const SamplerOptionInfo& row : sampler_options()) {
    if (!samplers_with(row.name).empty()) keys.push_back(row.name);
  }
  object.allow_only(keys);
  const SamplerOptions options = parse_sampler_options(object);
  try {
    check_options(options, sampler);
  } catch (const Error& error) {
    defaults.fail(key, std::string("do not go with the sampler: ") + error.what());
  }
  return options;
}

Defaults parse_defaults(const JsonObject& object, const Bundle& bundle) {
  const int steps_max = std::min(kStepsMax, bundle.scheduler.num_train_timesteps);
  Defaults defaults;
  read_fields(object,
              {
                  required("size_multiple", defaults.size_multiple, with(get_multiple, bundle)),
                  required("sampler", defaults.sampler, kind_of(samplers())),
                  required("width", defaults.width, with(get_side, defaults.size_multiple)),
                  required("height", defaults.height, with(get_side, defaults.size_multiple)),
                  required("steps", defaults.steps, 1, steps_max),
                  required("guidance", defaults.guidance, NumberRange{.max = kGuidanceMax}),
                  required("schedule", defaults.schedule, kind_of(schedules())),
                  optional("negative", defaults.negative),
                  optional("sampler_options", defaults.sampler_options, with(get_default_options, defaults.sampler)),
              });
  return defaults;
}

// First of all, so that a newer format is not taken for a wrong one.
void check_format(const JsonObject& root) {
  if (root.get_string("format") != "txt2img-bundle") {
    root.fail("format", "is " + quote(root.get_string("format")) + ", must be \"txt2img-bundle\"");
  }
  const int version = root.get_integer("version", 1, std::numeric_limits<int>::max());
  if (version <= kVersion) return;
  root.fail("version",
            format_text("is {}: the bundle has a newer format than this txt2img can read ({}); update txt2img", version,
                        kVersion));
}

// Said about the model for people; the program only wants objects there.
void require_object(const JsonObject& object, std::string_view key) { static_cast<void>(object.get_object(key)); }

}  // namespace

Precision get_precision(const JsonObject& object, std::string_view key) {
  static constexpr std::array kAll{Precision::kFloat32, Precision::kBfloat16, Precision::kFloat16};
  return kAll[object.get_choice(key, std::array{name_of(kAll[0]), name_of(kAll[1]), name_of(kAll[2])})];
}

Bundle parse_bundle(std::string_view text, const JsonSource& source) {
  const nlohmann::json document = parse_json(text, source, kBytesMax);
  const JsonObject root(document, source);
  check_format(root);
  Bundle bundle;
  const auto read_before = [](const JsonObject&, std::string_view) {};
  read_fields(root, {
                        {"format", read_before},
                        {"version", read_before},
                        {"source", require_object, Presence::kOptional},
                        {"exporter", require_object, Presence::kOptional},
                        required("name", bundle.name, get_name),
                        optional("family", bundle.family),
                        optional("licence", bundle.licence),
                        required("files", bundle.files, object_by(parse_files)),
                        required("tokenizers", bundle.tokenizers, with(get_tokenizers, bundle)),
                        required("text_encoder", bundle.text_encoder, object_by(parse_text_encoder, bundle)),
                        required("unet", bundle.unet, object_by(parse_unet, bundle)),
                        required("vae", bundle.vae, object_by(parse_vae, bundle)),
                        required("scheduler", bundle.scheduler, object_by(parse_scheduler)),
                        required("defaults", bundle.defaults, object_by(parse_defaults, bundle)),
                    });
  return bundle;
}

}  // namespace txt2img
