#include "bundle/bundle_json.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "bundle/scheduler_json.h"
#include "sampling/sampler_options_json.h"
#include "txt2img/error.h"
#include "txt2img/limits.h"

namespace txt2img {
namespace {

constexpr std::size_t kBytesMax = std::size_t{1} << 20;  // of model.json; real ones have 3 KB
constexpr int kVersion = 1;
constexpr std::int64_t kIdMax = std::numeric_limits<std::int32_t>::max();
constexpr int kLengthMax = 4096;
constexpr int kWidthMax = 1 << 16;  // of contexts, and channels of anything
constexpr int kClipSkipsMax = 1000;
constexpr int kFactorMax = 256;

// Names that the format shares with the program: samplers, schedules.
template <class Info>
auto get_known(const JsonObject& object, std::string_view key, std::span<const Info> table) {
  const std::string label = object.get_string(key);
  std::string names;
  for (const Info& info : table) {
    if (info.name == label) return info.kind;
    names += (names.empty() ? "" : ", ") + std::string(info.name);
  }
  object.fail(key, "is " + quote(label) + ", which this txt2img does not have (it has " + names +
                       "): write one of these there, update txt2img if a newer one wrote it");
}

Precision get_precision(const JsonObject& object, std::string_view key) {
  static constexpr std::array kAll{Precision::kFloat32, Precision::kBfloat16, Precision::kFloat16};
  std::array<std::string_view, kAll.size()> names;
  std::ranges::transform(kAll, names.begin(), [](Precision precision) { return name_of(precision); });
  return kAll[object.get_choice(key, names)];
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

// The bundle's name goes into messages, records and lists.
std::string get_name(const JsonObject& object, std::string_view key) {
  std::string name = object.get_string(key);
  const bool is_fine = !name.empty() && name.size() <= 200 && std::ranges::none_of(name, is_control);
  if (!is_fine) object.fail(key, "is " + quote(name) + ", must be a text of 1 to 200 bytes without control characters");
  return name;
}

bool is_inner_name(const std::string& name) {
  const std::filesystem::path path(name);
  const bool is_plain = !name.empty() && path.is_relative() && path.lexically_normal().generic_string() == name;
  return is_plain && name != "." && *path.begin() != ".." && path.has_filename() &&
         name.find('\\') == std::string::npos && std::ranges::none_of(name, is_control);
}

std::map<std::string, FileEntry> parse_files(const JsonObject& files) {
  std::map<std::string, FileEntry> entries;
  for (const std::string& name : files.keys()) {
    if (!is_inner_name(name)) files.fail(name, "is not the plain relative name of a file within the folder");
    const JsonObject entry = files.get_object(name);
    entry.allow_only({"bytes", "sha256"});
    const auto bytes = entry.get_integer<std::uint64_t>("bytes", 0, std::numeric_limits<std::int64_t>::max());
    std::string digest = entry.get_string("sha256");
    if (digest.size() != 64 || digest.find_first_not_of("0123456789abcdef") != std::string::npos) {
      entry.fail("sha256", "is " + quote(digest) + ", must be 64 hex digits, lower case");
    }
    entries[name] = {.bytes = bytes, .sha256 = std::move(digest)};
  }
  return entries;
}

// The name of a file that 'files' lists.
std::string get_file(const JsonObject& object, std::string_view key, const Bundle& bundle) {
  std::string name = object.get_string(key);
  if (!bundle.files.contains(name)) object.fail(key, "is " + quote(name) + ", which 'files' does not list");
  return name;
}

std::map<std::string, std::int64_t> parse_special(const JsonObject& special) {
  std::map<std::string, std::int64_t> ids;
  for (const std::string& text : special.keys()) {
    if (text.empty()) special.fail(text, "is an empty text, which cannot become an id");
    ids[text] = special.get_integer<std::int64_t>(text, 0, kIdMax);
  }
  return ids;
}

// Texts of embeddings, each of one vector or more.
std::map<std::string, std::vector<std::int64_t>> parse_added(const JsonObject& added) {
  std::map<std::string, std::vector<std::int64_t>> texts;
  for (const std::string& text : added.keys()) {
    if (text.empty()) added.fail(text, "is an empty text, which cannot become ids");
    texts[text] = added.get_integers(text, 0, kIdMax);
    if (texts[text].empty()) added.fail(text, "becomes no id");
  }
  return texts;
}

TokenizerSpec parse_tokenizer(const JsonObject& object, const Bundle& bundle) {
  static constexpr std::array<std::string_view, 2> kTypes{"clip-bpe", "sentencepiece"};
  TokenizerSpec spec;
  spec.kind = static_cast<TokenizerKind>(object.get_choice("type", kTypes));
  switch (spec.kind) {
    case TokenizerKind::kClipBpe:
      object.allow_only({"type", "vocab", "merges", "length", "bos", "eos", "pad", "special", "added"});
      spec.vocab = get_file(object, "vocab", bundle);
      spec.merges = get_file(object, "merges", bundle);
      spec.bos = object.get_integer<std::int64_t>("bos", 0, kIdMax);
      break;
    case TokenizerKind::kSentencePiece:
      object.allow_only({"type", "model", "length", "bos", "eos", "pad"});
      spec.model = get_file(object, "model", bundle);
      spec.bos = object.get_integer<std::int64_t>("bos", -1, kIdMax);
      break;
  }
  spec.length = object.get_integer("length", 2, kLengthMax);  // bos and eos
  spec.eos = object.get_integer<std::int64_t>("eos", 0, kIdMax);
  spec.pad = object.get_integer<std::int64_t>("pad", 0, kIdMax);
  if (object.has("special")) spec.special = parse_special(object.get_object("special"));
  if (object.has("added")) spec.added = parse_added(object.get_object("added"));
  return spec;
}

std::vector<TokenizerSpec> parse_tokenizers(const JsonObject& root, const Bundle& bundle) {
  std::vector<TokenizerSpec> tokenizers;
  for (const JsonObject& object : root.get_objects("tokenizers")) {
    tokenizers.push_back(parse_tokenizer(object, bundle));
    if (tokenizers.back().length != tokenizers.front().length) {
      object.fail("length", "differs from the first tokenizer's: the text encoder takes ids of one length");
    }
  }
  if (tokenizers.empty() || tokenizers.size() > 2) {
    root.fail("tokenizers", "has " + std::to_string(tokenizers.size()) + " entries, must have one or two");
  }
  return tokenizers;
}

TextEncoderSpec parse_text_encoder(const JsonObject& object, const Bundle& bundle) {
  object.allow_only({"file", "dtype", "clip_skips", "context_width", "pooled_width", "zero_empty_negative"});
  return {.file = get_file(object, "file", bundle),
          .stored = get_precision(object, "dtype"),
          .clip_skips = object.get_integer("clip_skips", 1, kClipSkipsMax),
          .context_width = object.get_integer("context_width", 1, kWidthMax),
          .pooled_width = object.get_integer("pooled_width", 0, kWidthMax),
          .zero_empty_negative = object.get_bool("zero_empty_negative")};
}

std::vector<UnetInput> parse_inputs(const JsonObject& object) {
  static constexpr std::array<std::string_view, 6> kNames{"latent", "timestep", "context",
                                                          "pooled", "time_ids", "guidance"};  // as in UnetInput
  const std::span<const std::string_view> names(kNames);
  std::vector<UnetInput> inputs;
  for (const std::string& name : object.get_strings("inputs")) {
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) object.fail("inputs", "has " + quote(name) + ", which this txt2img cannot feed");
    const auto input = static_cast<UnetInput>(found - names.begin());
    if (std::ranges::find(inputs, input) != inputs.end()) {
      object.fail("inputs", "has " + quote(name) + " twice");
    }
    inputs.push_back(input);
  }
  for (const UnetInput needed : {UnetInput::kLatent, UnetInput::kTimestep, UnetInput::kContext}) {
    if (std::ranges::find(inputs, needed) != inputs.end()) continue;
    object.fail("inputs", "lacks " + quote(kNames[static_cast<std::size_t>(needed)]) + ", which every UNet takes");
  }
  return inputs;
}

// Six numbers as SDXL takes them where the bundle does not say.
std::vector<TimeId> parse_time_ids(const JsonObject& object) {
  static constexpr auto kNames =
      std::to_array<std::string_view>({"original_height", "original_width", "crop_top", "crop_left", "target_height",
                                       "target_width", "aesthetic_score"});  // as in TimeId
  if (!object.has("time_ids")) {
    return {TimeId::kOriginalHeight, TimeId::kOriginalWidth, TimeId::kCropTop,
            TimeId::kCropLeft,       TimeId::kTargetHeight,  TimeId::kTargetWidth};
  }
  std::vector<TimeId> ids;
  for (const std::string& name : object.get_strings("time_ids")) {
    const auto* const found = std::ranges::find(kNames, name);
    if (found == kNames.end()) object.fail("time_ids", "has " + quote(name) + ", which this txt2img cannot feed");
    ids.push_back(static_cast<TimeId>(found - kNames.begin()));
  }
  if (ids.empty()) object.fail("time_ids", "is empty");
  return ids;
}

UnetSpec parse_unet(const JsonObject& object, const Bundle& bundle) {
  object.allow_only({"file", "dtype", "inputs", "in_channels", "out_channels", "time_ids"});
  UnetSpec unet{.file = get_file(object, "file", bundle),
                .stored = get_precision(object, "dtype"),
                .inputs = parse_inputs(object),
                .in_channels = object.get_integer("in_channels", 1, kWidthMax),
                .out_channels = object.get_integer("out_channels", 1, kWidthMax),
                .time_ids = parse_time_ids(object)};
  if (object.has("time_ids") && !unet.takes(UnetInput::kTimeIds)) {
    object.fail("time_ids", "is there, but not among the inputs");
  }
  if (unet.takes(UnetInput::kPooled) && bundle.text_encoder.pooled_width == 0) {
    object.fail("inputs", "has \"pooled\", but text_encoder.pooled_width is 0");
  }
  return unet;
}

// Both or neither, a number for each channel.
void parse_statistics(const JsonObject& object, VaeSpec& vae) {
  constexpr double kMax = 1e6;
  for (const auto& [key, other] : {std::pair{"latents_mean", "latents_std"}, {"latents_std", "latents_mean"}}) {
    if (object.has(key) && !object.has(other)) object.fail(key, std::string("is there without ") + other);
  }
  if (!object.has("latents_mean")) return;
  vae.latents_mean = object.get_numbers("latents_mean", {.min = -kMax, .max = kMax});
  vae.latents_std = object.get_numbers("latents_std", {.min = 0, .max = kMax, .is_open = true});
  for (const std::string_view key : {"latents_mean", "latents_std"}) {
    const std::size_t count = (key == "latents_mean" ? vae.latents_mean : vae.latents_std).size();
    if (std::cmp_equal(count, vae.latent_channels)) continue;
    object.fail(key, "has " + std::to_string(count) + " entries, must have latent_channels, " +
                         std::to_string(vae.latent_channels));
  }
}

VaeSpec parse_vae(const JsonObject& object, const Bundle& bundle) {
  object.allow_only({"decoder", "encoder", "dtype", "factor", "latent_channels", "scaling_factor", "shift_factor",
                     "latents_mean", "latents_std", "posterior"});
  VaeSpec vae{.decoder = get_file(object, "decoder", bundle),
              .encoder = {},
              .stored = get_precision(object, "dtype"),
              .factor = object.get_integer("factor", 1, kFactorMax),
              .latent_channels = object.get_integer("latent_channels", 1, kWidthMax),
              .scaling_factor = object.get_number("scaling_factor", {.min = 1e-6, .max = 1e6}),
              .shift_factor = object.get_number("shift_factor", {.min = -1e6, .max = 1e6})};
  if (object.has("posterior")) vae.has_posterior = object.get_bool("posterior");
  parse_statistics(object, vae);
  if (object.has("encoder") && !object.is_null("encoder")) vae.encoder = get_file(object, "encoder", bundle);
  const UnetSpec& unet = bundle.unet;
  if (vae.latent_channels != unet.out_channels) {
    object.fail("latent_channels", "differs from unet.out_channels, which is " + std::to_string(unet.out_channels));
  }
  if (vae.latent_channels > unet.in_channels) {  // fewer are fine: inpainting UNets take a mask and a picture besides
    object.fail("latent_channels", "is more than unet.in_channels, which is " + std::to_string(unet.in_channels));
  }
  return vae;
}

int get_side(const JsonObject& object, std::string_view key, int multiple) {
  const int side = object.get_integer(key, multiple, kSizeMax);
  if (side % multiple != 0) object.fail(key, "is not a multiple of size_multiple, " + std::to_string(multiple));
  return side;
}

// Parameters of the bundle's own sampler; those of schedules are the scheduler's.
SamplerOptions parse_default_options(const JsonObject& defaults, SamplerKind sampler) {
  constexpr std::string_view kKey = "sampler_options";
  if (!defaults.has(kKey)) return {};
  const JsonObject object = defaults.get_object(kKey);
  std::vector<std::string_view> keys;
  for (const SamplerOptionInfo& row : sampler_options()) {
    if (!row.samplers.empty()) keys.push_back(row.name);
  }
  object.allow_only(keys);
  const SamplerOptions options = parse_sampler_options(object);
  try {
    check_options(options, sampler);
  } catch (const Error& error) {
    defaults.fail(kKey, std::string("do not go with the sampler: ") + error.what());
  }
  return options;
}

Defaults parse_defaults(const JsonObject& object, const Bundle& bundle) {
  object.allow_only(
      {"width", "height", "steps", "guidance", "sampler", "schedule", "size_multiple", "negative", "sampler_options"});
  const int multiple = object.get_integer("size_multiple", 1, kSizeMax);
  if (multiple % bundle.vae.factor != 0) {
    object.fail("size_multiple", "is not a multiple of vae.factor, " + std::to_string(bundle.vae.factor));
  }
  const SamplerKind sampler = get_known(object, "sampler", samplers());
  return {.width = get_side(object, "width", multiple),
          .height = get_side(object, "height", multiple),
          .steps = object.get_integer("steps", 1, std::min(kStepsMax, bundle.scheduler.num_train_timesteps)),
          .guidance = object.get_number("guidance", {.min = 0, .max = kGuidanceMax}),
          .sampler = sampler,
          .schedule = get_known(object, "schedule", schedules()),
          .size_multiple = multiple,
          .negative = object.has("negative") ? object.get_string("negative") : std::string(),
          .sampler_options = parse_default_options(object, sampler)};
}

// First of all, so that a newer format is not taken for a wrong one.
void check_format(const JsonObject& root) {
  if (root.get_string("format") != "txt2img-bundle") {
    root.fail("format", "is " + quote(root.get_string("format")) + ", must be \"txt2img-bundle\"");
  }
  const int version = root.get_integer("version", 1, std::numeric_limits<int>::max());
  if (version <= kVersion) return;
  root.fail("version", "is " + std::to_string(version) +
                           ": the bundle has a newer format than this txt2img can read (" + std::to_string(kVersion) +
                           "); update txt2img");
}

std::string get_text_or_empty(const JsonObject& object, std::string_view key) {
  return object.has(key) ? object.get_string(key) : std::string();
}

}  // namespace

Bundle parse_bundle(std::string_view text, const JsonSource& source) {
  const nlohmann::json document = parse_json(text, source, kBytesMax);
  const JsonObject root(document, source);
  check_format(root);
  root.allow_only({"format", "version", "name", "family", "licence", "source", "exporter", "files", "tokenizers",
                   "text_encoder", "unet", "vae", "scheduler", "defaults"});
  for (const std::string_view any : {"source", "exporter"}) {
    if (root.has(any)) static_cast<void>(root.get_object(any));
  }
  Bundle bundle;
  bundle.name = get_name(root, "name");
  bundle.family = get_text_or_empty(root, "family");
  bundle.licence = get_text_or_empty(root, "licence");
  bundle.files = parse_files(root.get_object("files"));
  bundle.tokenizers = parse_tokenizers(root, bundle);
  bundle.text_encoder = parse_text_encoder(root.get_object("text_encoder"), bundle);
  bundle.unet = parse_unet(root.get_object("unet"), bundle);
  bundle.vae = parse_vae(root.get_object("vae"), bundle);
  bundle.scheduler = parse_scheduler(root.get_object("scheduler"));
  bundle.defaults = parse_defaults(root.get_object("defaults"), bundle);
  return bundle;
}

}  // namespace txt2img
