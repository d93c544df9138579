// What determines a picture besides the model and the machine, and the table that says what there is to know of each
// setting.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "txt2img/bundle.h"
#include "txt2img/export.h"
#include "txt2img/names.h"
#include "txt2img/sampler_options.h"

namespace txt2img {

// Width and height, or top and left, in pixels.
struct PixelPair {
  int first = 0;
  int second = 0;

  bool operator==(const PixelPair&) const = default;
};

// What a model that takes time_ids is told of the picture it was trained on (SDXL, arXiv 2307.01952, section 2.2); a
// size of 0 is the picture's own.
struct SizeConditioning {
  PixelPair original_size{};  // width, height
  PixelPair crop{};           // top, left
  PixelPair target_size{};    // width, height

  bool operator==(const SizeConditioning&) const = default;
};

struct TXT2IMG_API Settings {
  std::string prompt{};
  std::string negative{};
  std::uint64_t seed = 0;
  int steps = 25;
  double guidance = 7.5;
  double guidance_rescale = 0;  // phi of arXiv 2305.08891, 0 ... 1
  // Shares of the run between which guidance acts (arXiv 2404.07724): step i of n, from 0, where begin <= i/n < end.
  std::vector<double> guidance_interval{0, 1};
  int width = 512;
  int height = 512;
  SamplerKind sampler{};
  ScheduleKind schedule{};
  SamplerOptions sampler_options{};
  int clip_skip = 1;  // 1 = the model's own layer
  SizeConditioning size_conditioning{};

  [[nodiscard]] bool is_guided() const { return guidance > 1; }
  [[nodiscard]] bool is_guided_at(int step, int step_count) const;
  bool operator==(const Settings&) const = default;
};

// Where a setting is kept.
using SettingMember = std::variant<std::string Settings::*, std::uint64_t Settings::*, int Settings::*,
                                   double Settings::*, std::vector<double> Settings::*, SamplerKind Settings::*,
                                   ScheduleKind Settings::*, PixelPair SizeConditioning::*, double SamplerOptions::*,
                                   int SamplerOptions::*, bool SamplerOptions::*, SolverType SamplerOptions::*,
                                   SolverPrediction SamplerOptions::*, std::optional<double> SamplerOptions::*,
                                   std::optional<FinalSigma> SamplerOptions::*, std::vector<double> SamplerOptions::*>;

// The value of a member, wherever it is kept.
template <class Part, class Value, class AnySettings>
auto& at(AnySettings& settings, Value Part::* member) {
  if constexpr (std::is_same_v<Part, SamplerOptions>)
    return settings.sampler_options.*member;
  else if constexpr (std::is_same_v<Part, SizeConditioning>)
    return settings.size_conditioning.*member;
  else
    return settings.*member;
}

enum class Sharing { kBatch, kPicture };  // pictures of one batch have it in common, or may differ in it
enum class Recording { kAlways, kUnlessDefault };

// A row of the table: all that records, prompt files, options and checks have to know of a setting.
struct SettingInfo {
  std::string_view name;  // in records and prompt files; "--" and '-' on the command line
  SettingMember member;
  double min = 0;  // of numbers, whatever the model
  double max = 0;
  Recording recording = Recording::kUnlessDefault;
  Sharing sharing = Sharing::kBatch;
  void (*set_default)(Settings& settings, const Bundle& bundle) = nullptr;  // empty: as in default_settings()
  // Empty: nothing but the range, or what settle() checks. Throws Error(kUsage).
  void (*check)(const Settings& settings, const Bundle& bundle) = nullptr;
  const SamplerOptionInfo* option = nullptr;  // where it is one of a sampler or schedule
};

inline constexpr std::size_t kSettingsMax = 64;

// All of them at their default, whatever the bundle.
TXT2IMG_API const Settings& default_settings();

// In the order of records. The sampler stands before its options, whose defaults depend on it.
TXT2IMG_API std::span<const SettingInfo> settings_table();

// Null if there is none of that name.
TXT2IMG_API const SettingInfo* setting_named(std::string_view name);

// The row of a member, which must have one.
TXT2IMG_API std::size_t number_of(const SettingMember& member);

TXT2IMG_API bool is_default(const Settings& settings, const SettingInfo& row);

// As the command line has it; empty for an option of a sampler that is left to the model.
TXT2IMG_API std::string setting_text(const Settings& settings, const SettingInfo& row);

// Whether pictures with these settings can be drawn by the same calls of the UNet.
TXT2IMG_API bool can_share_batch(const Settings& first, const Settings& second);

}  // namespace txt2img
