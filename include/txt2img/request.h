// What somebody asks for, and what it comes to with a given bundle.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "txt2img/bundle.h"
#include "txt2img/export.h"
#include "txt2img/limits.h"
#include "txt2img/names.h"
#include "txt2img/sampler_options.h"

namespace txt2img {

// What a model that takes time_ids is told of the picture it was trained on (SDXL, arXiv 2307.01952, section 2.2), in
// pixels; a size of 0 is the picture's own.
struct SizeConditioning {
  int original_width = 0;
  int original_height = 0;
  int crop_top = 0;
  int crop_left = 0;
  int target_width = 0;
  int target_height = 0;

  bool operator==(const SizeConditioning&) const = default;
};

// As asked; an empty optional takes the bundle's default (the seed: a random one).
struct Request {
  std::string prompt;
  std::optional<std::string> negative{};
  std::optional<std::uint64_t> seed{};
  int count = 1;  // pictures, with the seeds s, s+1, ...
  std::optional<int> steps{};
  std::optional<double> guidance{};
  double guidance_rescale = 0;  // phi of arXiv 2305.08891, 0 ... 1
  std::optional<int> width{};
  std::optional<int> height{};
  std::optional<SamplerKind> sampler{};
  std::optional<ScheduleKind> schedule{};
  SamplerOptions sampler_options{};
  std::set<std::string_view> said_options{};  // those asked for, also at their default: the bundle's do not count then
  int clip_skip = 1;                          // 1 = the model's own layer
  SizeConditioning size_conditioning{};

  bool operator==(const Request&) const = default;
};

// Sets an option of the sampler as asked for. Throws as set_option() does.
TXT2IMG_API void ask_option(Request& request, const SamplerOptionInfo& info, std::string_view text);

// Of the row's name: all options, as a request that is complete in itself asks for them.
TXT2IMG_API std::set<std::string_view> all_option_names();

// What was asked for; the rest as the bundle says, if its own sampler is the one that draws.
TXT2IMG_API SamplerOptions options_of(const Request& request, const Bundle& bundle);

// All that determines one picture besides the bundle and the machine.
struct Settings {
  std::string prompt;
  std::string negative;
  std::uint64_t seed = 0;
  int steps = 25;
  double guidance = 7.5;
  double guidance_rescale = 0;
  int width = 512;
  int height = 512;
  SamplerKind sampler{};
  ScheduleKind schedule{};
  SamplerOptions sampler_options{};
  int clip_skip = 1;
  SizeConditioning size_conditioning{};

  [[nodiscard]] bool is_guided() const { return guidance > 1; }
  bool operator==(const Settings&) const = default;
};

// Whether pictures with these settings can be drawn by the same calls of the UNet: they may differ in prompt, negative
// prompt and seed only.
TXT2IMG_API bool can_share_batch(const Settings& first, const Settings& second);

// Settings of the first picture. Checks every range, and what the bundle can do (sizes, clip skip, guidance, sampler
// with schedule). Both prompts have to be UTF-8 and, as JSON, at most a million bytes: the record of a picture holds
// them. The bundle's schedule becomes kModel where it does not go with a sampler that was asked for.
// Throws Error(kUsage) that says which value, the range and what to do.
TXT2IMG_API Settings settle(const Request& request, const Bundle& bundle);

// The part of settle() that differs from prompt to prompt: texts, count, and the seeds of that many pictures.
// Throws Error(kUsage).
TXT2IMG_API void check_pictures(const Settings& settings, int count);

// Random, for that many pictures: the seed of a run that was given none.
TXT2IMG_API std::uint64_t draw_seed(int count);

}  // namespace txt2img
