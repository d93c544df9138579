#include "txt2img/names.h"

#include <algorithm>
#include <array>
#include <vector>

#include "sampling/missing_names.h"
#include "txt2img/error.h"
#include "txt2img/joined.h"
#include "txt2img/nearest_name.h"
#include "txt2img/utf8.h"

namespace txt2img {
namespace {

using std::string_view;
using Names = std::span<const string_view>;

// Labels that say more than a sampler.
struct SamplerLabel {
  string_view label;
  SamplerChoice choice{};
};
constexpr std::array kSamplerVariants{
    SamplerLabel{"dpmpp_2m_sde_heun", {.sampler = SamplerKind::kDpmpp2mSde, .solver_type = SolverType::kHeun}},
    SamplerLabel{"dpmpp_3m_sde", {.sampler = SamplerKind::kDpmpp2mSde, .solver_order = 3}},
    SamplerLabel{"uni_pc_bh1", {.sampler = SamplerKind::kUnipc, .solver_type = SolverType::kBh1}},
    SamplerLabel{"karras_dpm", {.sampler = SamplerKind::kDpmpp2m, .schedule = ScheduleKind::kKarras}},  // Replicate
    // DiffusionDB's numbers.
    SamplerLabel{"1", {.sampler = SamplerKind::kDdim}},
    SamplerLabel{"2", {.sampler = SamplerKind::kPndm}},
    SamplerLabel{"3", {.sampler = SamplerKind::kEuler}},
    SamplerLabel{"4", {.sampler = SamplerKind::kEulerAncestral}},
    SamplerLabel{"5", {.sampler = SamplerKind::kHeun}},
    SamplerLabel{"6", {.sampler = SamplerKind::kDpm2}},
    SamplerLabel{"7", {.sampler = SamplerKind::kDpm2Ancestral}},
    SamplerLabel{"8", {.sampler = SamplerKind::kLms}},
};

struct ScheduleLabel {
  string_view label;
  ScheduleKind kind{};
};
constexpr std::array kScheduleAliases{
    ScheduleLabel{"default", ScheduleKind::kModel},
    ScheduleLabel{"automatic", ScheduleKind::kModel},
    ScheduleLabel{"discrete", ScheduleKind::kLinspace},  // stable-diffusion.cpp
    ScheduleLabel{"uniform", ScheduleKind::kLinspace},   // AUTOMATIC1111
    ScheduleLabel{"normal", ScheduleKind::kLinspace},    // ComfyUI
    ScheduleLabel{"native", ScheduleKind::kLinspace},    // NovelAI
    ScheduleLabel{"k", ScheduleKind::kKarras},           // InvokeAI
    ScheduleLabel{"ka", ScheduleKind::kKarras},          // AUTOMATIC1111's aliases
    ScheduleLabel{"exp", ScheduleKind::kExponential},
    ScheduleLabel{"ddim_uniform", ScheduleKind::kLeading},  // ComfyUI
    ScheduleLabel{"align_your_steps", ScheduleKind::kAys},
    ScheduleLabel{"align_your_steps_xl", ScheduleKind::kAysXl},
};

// In the order of the enums.
constexpr auto kSolverTypes =
    std::to_array<string_view>({"auto", "midpoint", "heun", "bh1", "bh2", "plms", "prk", "fixed_small",
                                "fixed_small_log", "fixed_large", "predictor_corrector", "corrector"});
constexpr auto kRetries = std::to_array<string_view>({"vae_float32", "vae_tiled", "smaller_batch"});

struct PrecisionLabel {
  string_view label;
  Precision precision{};
};
constexpr std::array kPrecisions{
    PrecisionLabel{"float32", Precision::kFloat32}, PrecisionLabel{"bfloat16", Precision::kBfloat16},
    PrecisionLabel{"float16", Precision::kFloat16}, PrecisionLabel{"fp32", Precision::kFloat32},
    PrecisionLabel{"f32", Precision::kFloat32},     PrecisionLabel{"float", Precision::kFloat32},
    PrecisionLabel{"bf16", Precision::kBfloat16},   PrecisionLabel{"fp16", Precision::kFloat16},
    PrecisionLabel{"f16", Precision::kFloat16},     PrecisionLabel{"half", Precision::kFloat16},
};

bool has_label(Names labels, string_view folded) {
  return std::ranges::any_of(labels, [folded](string_view label) { return fold(label) == folded; });
}

// The start of a label that ends in `word`: of "dpmpp2mkarras" and "Karras", "dpmpp2m".
std::optional<string_view> without_suffix(string_view folded, string_view word) {
  const std::string suffix = fold(word);
  if (folded.size() <= suffix.size() || !folded.ends_with(suffix)) return std::nullopt;
  return folded.substr(0, folded.size() - suffix.size());
}

bool is_class_name(string_view reference, string_view folded) {
  const std::string name = fold(reference);
  return name == folded || without_suffix(name, "scheduler") == folded;  // also without that word
}

std::optional<SamplerChoice> find_exactly(string_view folded) {
  for (const SamplerLabel& variant : kSamplerVariants) {
    if (fold(variant.label) == folded) return variant.choice;
  }
  for (const SamplerInfo& sampler : samplers()) {
    const std::array own{sampler.name, sampler.label};
    const auto is_its_class = [folded](string_view name) { return is_class_name(name, folded); };
    if (has_label(own, folded) || is_its_class(sampler.reference) || std::ranges::any_of(sampler.aliases, is_its_class))
      return SamplerChoice{.sampler = sampler.kind};
  }
  return std::nullopt;
}

// "k_dpmpp_2m_sde_gpu" of ComfyUI and others: where the noise is drawn makes no other sampler, nor does the family.
string_view without_trimmings(string_view folded) {
  const string_view core = without_suffix(folded, "gpu").value_or(folded);
  constexpr std::size_t kShortest = 3;  // of a name
  return core.starts_with('k') && core.size() > kShortest ? core.substr(1) : core;
}

std::optional<SamplerChoice> find_sampler(string_view folded) {
  const std::optional<SamplerChoice> exact = find_exactly(folded);
  return exact ? exact : find_exactly(without_trimmings(folded));
}

std::optional<ScheduleKind> find_schedule(string_view folded) {
  for (const ScheduleInfo& schedule : schedules()) {
    if (has_label(std::array{schedule.name, schedule.label}, folded)) return schedule.kind;
  }
  for (const ScheduleLabel& alias : kScheduleAliases) {
    if (fold(alias.label) == folded) return alias.kind;
  }
  return std::nullopt;
}

template <class Table>
std::vector<string_view> names_in(const Table& table) {
  std::vector<string_view> names;
  names.reserve(table.size());
  for (const auto& row : table) names.push_back(row.name);
  return names;
}

std::string quote(string_view label) {
  constexpr std::size_t kShown = 60;
  return "'" + escape_for_terminal(label.substr(0, kShown)) + (label.size() > kShown ? "...'" : "'");
}

[[noreturn]] void refuse_unknown(const std::string& what, string_view label, Names names) {
  const std::string nearest = nearest_name(label, names);
  const std::string hint = nearest.empty() ? "" : "did you mean '" + nearest + "'? ";
  throw Error(ExitCode::kUsage,
              "there is no " + what + " " + quote(label) + "; " + hint + "choose one of " + joined(names));
}

[[noreturn]] void refuse_missing(const std::string& what, string_view label, Names names, string_view nearest) {
  const std::string hint = nearest.empty() ? "" : " (the nearest is '" + std::string(nearest) + "')";
  throw Error(ExitCode::kUsage, "this version does not have the " + what + " " + quote(label) + "; choose one of " +
                                    joined(names) + hint);
}

std::vector<string_view> schedule_words() {
  std::vector<string_view> words = names_in(schedules());
  for (const ScheduleInfo& schedule : schedules()) {
    if (!schedule.label.empty()) words.push_back(schedule.label);
  }
  for (const ScheduleLabel& alias : kScheduleAliases) words.push_back(alias.label);
  return words;
}

std::optional<SamplerChoice> find_sampler_with_schedule(string_view folded) {
  for (const string_view word : schedule_words()) {
    const std::optional<string_view> start = without_suffix(folded, word);
    std::optional<SamplerChoice> choice = start ? find_sampler(*start) : std::nullopt;
    if (!choice) continue;
    choice->schedule = find_schedule(fold(word));
    return choice;
  }
  return std::nullopt;
}

const MissingName* find_missing(std::span<const MissingName> table, string_view folded) {
  const auto found = std::ranges::find_if(table, [folded](const MissingName& row) {
    return is_class_name(row.name, folded) || is_class_name(row.name, without_trimmings(folded));
  });
  return found == table.end() ? nullptr : &*found;
}

// What is left of a label without each schedule that it may end in, and the whole of it.
std::vector<string_view> without_schedules(string_view folded) {
  std::vector<string_view> starts{folded};
  const auto add = [&](string_view word) {
    if (const std::optional<string_view> start = without_suffix(folded, word)) starts.push_back(*start);
  };
  std::ranges::for_each(schedule_words(), add);
  std::ranges::for_each(kMissingSchedules, add, &MissingName::name);
  return starts;
}

// The nearest to a sampler that is missing here, alone or with any schedule; nothing if it is not known at all.
std::optional<string_view> find_nearest(string_view folded) {
  for (const string_view start : without_schedules(folded)) {
    if (const MissingName* const missing = find_missing(kMissingSamplers, start)) return missing->nearest;
    const std::optional<string_view> plain = without_suffix(start, "CFG++");
    if (const auto choice = plain ? find_sampler(*plain) : std::nullopt) return info(choice->sampler).name;
    if (plain && find_missing(kMissingSamplers, *plain) != nullptr)
      return find_missing(kMissingSamplers, *plain)->nearest;
  }
  return std::nullopt;
}

// The schedule that is missing here, of a label with a sampler that is not.
const MissingName* find_missing_schedule(string_view folded) {
  const auto* const found = std::ranges::find_if(kMissingSchedules, [folded](const MissingName& schedule) {
    const std::optional<string_view> start = without_suffix(folded, schedule.name);
    return start && find_sampler(*start);
  });
  return found == kMissingSchedules.end() ? nullptr : found;
}

}  // namespace

SamplerChoice parse_sampler(string_view label) {
  const std::string folded = fold(label);
  if (const auto choice = find_sampler(folded)) return *choice;
  if (const auto choice = find_sampler_with_schedule(folded)) return *choice;
  const std::vector<string_view> names = names_in(samplers());
  if (const auto nearest = find_nearest(folded)) refuse_missing("sampler", label, names, *nearest);
  if (const MissingName* const missing = find_missing_schedule(folded))
    refuse_missing("schedule", missing->name, names_in(schedules()), missing->nearest);
  refuse_unknown("sampler", label, names);
}

ScheduleKind parse_schedule(string_view label) {
  const std::string folded = fold(label);
  if (const auto schedule = find_schedule(folded)) return *schedule;
  const std::vector<string_view> names = names_in(schedules());
  const auto* const missing =
      std::ranges::find(kMissingSchedules, folded, [](const MissingName& row) { return fold(row.name); });
  if (missing != kMissingSchedules.end()) refuse_missing("schedule", label, names, missing->nearest);
  refuse_unknown("schedule", label, names);
}

SolverType parse_solver_type(string_view label) {
  const auto* const found = std::ranges::find(kSolverTypes, label);
  if (found == kSolverTypes.end()) refuse_unknown("solver type", label, kSolverTypes);
  return static_cast<SolverType>(found - kSolverTypes.begin());
}

string_view name_of(SolverType type) { return kSolverTypes[static_cast<std::size_t>(type)]; }

Precision parse_precision(string_view label) {
  const std::string folded = fold(label);
  for (const PrecisionLabel& row : kPrecisions) {
    if (row.label == folded) return row.precision;
  }
  constexpr auto kNames = std::to_array<string_view>({"float32", "bfloat16", "float16"});
  refuse_unknown("precision", label, kNames);
}

string_view name_of(Retry retry) { return kRetries[static_cast<std::size_t>(retry)]; }

string_view name_of(Precision precision) {
  return std::ranges::find(kPrecisions, precision, &PrecisionLabel::precision)->label;
}

}  // namespace txt2img
