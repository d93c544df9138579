#include "txt2img/request.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <random>
#include <string_view>
#include <type_traits>
#include <variant>

#include "txt2img/error.h"
#include "txt2img/number_text.h"
#include "txt2img/schedule.h"
#include "txt2img/utf8.h"

namespace txt2img {
namespace {

// The record of a picture holds both prompts in at most 1 MiB of JSON; this leaves room for all else.
constexpr std::size_t kPromptsMax = 1000000;

std::string to_text(double value) { return to_shortest_text(value); }
template <std::integral T>
std::string to_text(T value) {
  return std::to_string(value);
}

// Not-a-number is outside every range.
template <typename T>
void check_range(std::string_view name, T value, T min, T max, std::string_view why = {}) {
  if (value >= min && value <= max) return;
  throw Error(ExitCode::kUsage, std::string(name) + " " + to_text(value) + " is out of range; use " + to_text(min) +
                                    " to " + to_text(max) + std::string(why));
}

// 500 of 8: "496 or 504".
std::string nearest_multiples(int value, int multiple) {
  const int below = value / multiple * multiple;
  const int above = below + multiple;
  if (below < multiple) return to_text(above);
  return above > kSizeMax ? to_text(below) : to_text(below) + " or " + to_text(above);
}

void check_side(std::string_view name, int value, int multiple) {
  const std::string of_multiple = " in multiples of " + to_text(multiple);
  check_range(name, value, multiple, kSizeMax / multiple * multiple, of_multiple);
  if (value % multiple == 0) return;
  throw Error(ExitCode::kUsage, std::string(name) + " " + to_text(value) + " is not a multiple of " +
                                    to_text(multiple) + "; use " + nearest_multiples(value, multiple));
}

// Upper bound of a text's bytes in JSON.
std::size_t json_size(std::string_view text) {
  return std::accumulate(text.begin(), text.end(), std::size_t{0}, [](std::size_t size, char c) {
    if (static_cast<unsigned char>(c) < 0x20) return size + 6;  // \u001f
    return size + (c == '"' || c == '\\' ? 2 : 1);
  });
}

void check_prompts(const Settings& settings) {
  if (!is_valid_utf8(settings.prompt) || !is_valid_utf8(settings.negative)) {
    const std::string which = is_valid_utf8(settings.prompt) ? "negative prompt" : "prompt";
    throw Error(ExitCode::kUsage, "the " + which + " is not UTF-8; convert it, for instance with iconv");
  }
  const std::size_t size = json_size(settings.prompt) + json_size(settings.negative);
  if (size > kPromptsMax) {
    throw Error(ExitCode::kUsage, "the prompts are too long, " + to_text(size) + " bytes as JSON; use at most " +
                                      to_text(kPromptsMax) + " (models read about 77 tokens)");
  }
}

void check_seeds(std::uint64_t seed, int count) {
  check_range("seed", seed, std::uint64_t{0}, kSeedMax);
  const std::uint64_t last = kSeedMax - static_cast<std::uint64_t>(count - 1);
  if (seed <= last) return;
  throw Error(ExitCode::kUsage, "seed " + to_text(seed) + " is too large for " + to_text(count) +
                                    " pictures with the seeds that follow it; use 0 to " + to_text(last));
}

void check_steps(const Request& request, const Settings& settings, const Bundle& bundle) {
  check_range("steps", settings.steps, 1, std::min(kStepsMax, bundle.scheduler.num_train_timesteps),
              " with this model");
  const int listed = listed_steps(settings.sampler_options);
  const int asked = request.settings().steps;
  if (listed == 0 || !request.asks(&Settings::steps) || asked == listed) return;
  throw Error(ExitCode::kUsage, "steps " + to_text(asked) + ", but the list of noise levels makes " + to_text(listed) +
                                    "; leave steps out");
}

void check_size_conditioning(const SizeConditioning& sizes, const Bundle& bundle) {
  if (sizes == SizeConditioning{}) return;
  if (!bundle.unet.takes(UnetInput::kTimeIds)) {
    throw Error(
        ExitCode::kUsage,
        "this model is not told of sizes; leave --original-size, --crop and --target-size out (SDXL takes them)");
  }
  for (const PixelPair& pair : {sizes.original_size, sizes.target_size, sizes.crop}) {
    for (const int size : {pair.first, pair.second})
      check_range("a size or place of the size conditioning", size, 0, kSizeMax);
  }
}

// An inpainting UNet takes the picture and a mask besides the latent.
void check_model(const Bundle& bundle) {
  if (bundle.unet.in_channels <= bundle.vae.latent_channels) return;
  throw Error(ExitCode::kUsage, "the model " + bundle.name + " draws into a picture (its UNet takes " +
                                    to_text(bundle.unet.in_channels) + " channels, its latents have " +
                                    to_text(bundle.vae.latent_channels) +
                                    "), which this version cannot do; use a model that draws from a prompt alone");
}

bool is_possible(const NoiseSchedule& noise, const Bundle& bundle, const Settings& settings, ScheduleKind schedule) {
  try {
    (void)plan_trajectory(noise, bundle.scheduler, settings.sampler, schedule, settings.steps,
                          settings.sampler_options);
    return true;
  } catch (const Error&) {
    return false;
  }
}

// The bundle's schedule goes with the bundle's sampler; with one that was asked for it may not, its plain spacing does.
ScheduleKind default_schedule(const NoiseSchedule& noise, const Bundle& bundle, const Settings& settings) {
  if (listed_steps(settings.sampler_options) > 0) return ScheduleKind::kModel;
  const bool is_default_sampler = settings.sampler == bundle.defaults.sampler;
  return is_default_sampler || is_possible(noise, bundle, settings, bundle.defaults.schedule) ? bundle.defaults.schedule
                                                                                              : ScheduleKind::kModel;
}

// -0 becomes 0: one value, one spelling in records and job keys.
void drop_negative_zeros(Settings& settings) {
  for (const SettingInfo& row : settings_table()) {
    std::visit(
        [&]<class Part, class Value>(Value Part::* member) {
          if constexpr (std::is_same_v<Value, double>) at(settings, member) += 0.0;
          if constexpr (std::is_same_v<Value, std::vector<double>> && std::is_same_v<Part, Settings>) {
            for (double& value : at(settings, member)) value += 0.0;
          }
        },
        row.member);
  }
}

Settings fill_in(const Request& request, const Bundle& bundle) {
  Settings settings = request.with_defaults(bundle);
  if (!request.asks(&Settings::seed)) settings.seed = draw_seed(request.count);
  if (const int listed = listed_steps(settings.sampler_options); listed > 0) settings.steps = listed;
  drop_negative_zeros(settings);
  return settings;
}

// "guidance rescale"
std::string with_blanks(std::string_view name) {
  std::string text(name);
  std::ranges::replace(text, '_', ' ');
  return text;
}

// Those that no model narrows, and those with a check of their own; options are checked with the sampler.
void check_rows(const Settings& settings, const Bundle& bundle) {
  for (const SettingInfo& row : settings_table()) {
    if (row.check != nullptr) row.check(settings, bundle);
    if (const auto* const member = std::get_if<double Settings::*>(&row.member))
      check_range(with_blanks(row.name), settings.**member, row.min, row.max);
  }
}

}  // namespace

void Request::ask_option(const SamplerOptionInfo& info, std::string_view text) {
  set_option(settings_.sampler_options, info, text);
  std::visit([&](auto member) { ask(member, settings_.sampler_options.*member); }, info.member);
}

void Request::ask_sampler(const SamplerChoice& choice) {
  const std::span<const SettingInfo> table = settings_table();
  for (std::size_t i = 0; by_label_.any() && i < table.size(); ++i) {
    if (by_label_.test(i)) forget(table[i].member);
  }
  ask(&Settings::sampler, choice.sampler);
  const auto add = [this](auto member, auto value) {
    if (!value) return;
    ask(member, *value);
    by_label_.set(number_of(member));
  };
  add(&Settings::schedule, choice.schedule);
  add(&SamplerOptions::solver_type, choice.solver_type);
  add(&SamplerOptions::solver_order, choice.solver_order);
}

void Request::ask_all(const Settings& settings) {
  settings_ = settings;
  asked_.set();
  by_label_.reset();
}

void Request::ask_options(const SamplerOptions& options) {
  for (const SamplerOptionInfo& row : sampler_options())
    std::visit([&](auto member) { ask(member, options.*member); }, row.member);
}

void Request::forget(const SettingMember& member) {
  std::visit([this](auto field) { at(settings_, field) = at(default_settings(), field); }, member);
  const std::size_t row = number_of(member);
  asked_.reset(row);
  by_label_.reset(row);
}

void Request::forget_options() {
  for (const SettingInfo& row : settings_table()) {
    if (row.option != nullptr) forget(row.member);
  }
}

Settings Request::with_defaults(const Bundle& bundle) const {
  Settings settings = settings_;
  const std::span<const SettingInfo> table = settings_table();
  for (std::size_t i = 0; i < table.size(); ++i) {
    const SettingInfo& row = table[i];
    if (asked_.test(i)) continue;
    if (row.set_default != nullptr) row.set_default(settings, bundle);
    if (row.option == nullptr || settings.sampler != bundle.defaults.sampler) continue;
    const SamplerOptions& of_bundle = bundle.defaults.sampler_options;
    std::visit([&](auto member) { settings.sampler_options.*member = of_bundle.*member; }, row.option->member);
  }
  return settings;
}

// Short enough to be typed again; apart in their low 32 bits, which are all that the noise generator takes in.
std::uint64_t draw_seed(int count) {
  std::random_device device;
  constexpr std::uint64_t kEnd = std::uint64_t{1} << 32;
  return std::uniform_int_distribution<std::uint64_t>(0, kEnd - static_cast<std::uint64_t>(count))(device);
}

void check_pictures(const Settings& settings, int count) {
  check_range("count", count, 1, kCountMax);
  check_prompts(settings);
  check_seeds(settings.seed, count);
}

Settings settle(const Request& request, const Bundle& bundle) {
  check_model(bundle);
  Settings settings = fill_in(request, bundle);
  check_pictures(settings, request.count);
  check_steps(request, settings, bundle);
  check_rows(settings, bundle);
  const int multiple = std::lcm(bundle.defaults.size_multiple, bundle.vae.factor);
  check_side("width", settings.width, multiple);
  check_side("height", settings.height, multiple);
  check_size_conditioning(settings.size_conditioning, bundle);
  check_range("clip skip", settings.clip_skip, 1, bundle.text_encoder.clip_skips, " with this model");

  const NoiseSchedule noise(bundle.scheduler);
  if (!request.asks(&Settings::schedule)) settings.schedule = default_schedule(noise, bundle, settings);
  (void)plan_trajectory(noise, bundle.scheduler, settings.sampler, settings.schedule, settings.steps,
                        settings.sampler_options);
  return settings;
}

}  // namespace txt2img
