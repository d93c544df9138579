#include "txt2img/sampler_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <system_error>
#include <type_traits>

#include "txt2img/error.h"
#include "txt2img/joined.h"
#include "txt2img/names.h"
#include "txt2img/number_text.h"

namespace txt2img {
namespace {

using std::string_view;

constexpr double kSigmaMax = 1e5;
constexpr double kTiny = 1e-9;

constexpr std::array kOptions{
    SamplerOptionInfo{"eta", &SamplerOptions::eta, 0, 1},
    SamplerOptionInfo{"s_churn", &SamplerOptions::s_churn, 0, 1000},
    SamplerOptionInfo{"s_tmin", &SamplerOptions::s_tmin, 0, kSigmaMax},
    SamplerOptionInfo{"s_tmax", &SamplerOptions::s_tmax, 0, kSigmaMax},
    SamplerOptionInfo{"s_noise", &SamplerOptions::s_noise, 0, 10},
    SamplerOptionInfo{"solver_order", &SamplerOptions::solver_order, 1, 4},
    SamplerOptionInfo{"solver_type", &SamplerOptions::solver_type, 0, 0},
    SamplerOptionInfo{"solver_prediction", &SamplerOptions::solver_prediction, 0, 0},
    SamplerOptionInfo{"lower_order_final", &SamplerOptions::lower_order_final, 0, 0},
    SamplerOptionInfo{"euler_at_final", &SamplerOptions::euler_at_final, 0, 0},
    SamplerOptionInfo{"final_sigmas_type", &SamplerOptions::final_sigmas_type, 0, 0},
    SamplerOptionInfo{"snr", &SamplerOptions::snr, kTiny, 10},
    SamplerOptionInfo{"corrector_steps", &SamplerOptions::corrector_steps, 0, 1000},
    SamplerOptionInfo{"original_steps", &SamplerOptions::original_steps, 1, 100000},
    SamplerOptionInfo{"sigma_min", &SamplerOptions::sigma_min, kTiny, kSigmaMax},
    SamplerOptionInfo{"sigma_max", &SamplerOptions::sigma_max, kTiny, kSigmaMax},
    SamplerOptionInfo{"rho", &SamplerOptions::rho, 0.1, 100},
    SamplerOptionInfo{"shift", &SamplerOptions::shift, 0.01, 100},
};

constexpr auto kPredictions = std::to_array<string_view>({"x0", "epsilon"});
constexpr auto kFinalSigmas = std::to_array<string_view>({"zero", "sigma_min"});
constexpr auto kSwitches = std::to_array<string_view>({"false", "true"});

std::string names_of(std::span<const SamplerKind> kinds) {
  return joined(kinds, ", ", [](SamplerKind kind) { return info(kind).name; });
}

// Not-a-number is outside every range.
void check_range(const SamplerOptionInfo& row, double value, std::string_view text) {
  if (value >= row.min && value <= row.max) return;
  throw Error(ExitCode::kUsage, std::string(row.name) + " " + std::string(text) + " is out of range; use " +
                                    to_shortest_text(row.min) + " to " + to_shortest_text(row.max));
}

template <typename T>
T parse_number(const SamplerOptionInfo& row, string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) {
    throw Error(ExitCode::kUsage, std::string(row.name) + " '" + std::string(text) + "' is not a number");
  }
  check_range(row, error == std::errc{} ? static_cast<double>(value) : std::numeric_limits<double>::quiet_NaN(), text);
  return value;
}

std::size_t parse_choice(const SamplerOptionInfo& row, string_view text, std::span<const string_view> choices) {
  const auto found = std::ranges::find(choices, text);
  if (found != choices.end()) return static_cast<std::size_t>(found - choices.begin());
  throw Error(ExitCode::kUsage,
              std::string(row.name) + " has no '" + std::string(text) + "'; use one of " + joined(choices));
}

std::string to_text(double value) { return to_shortest_text(value); }
std::string to_text(int value) { return std::to_string(value); }
std::string to_text(bool value) { return std::string(kSwitches[value ? 1 : 0]); }
std::string to_text(SolverType value) { return std::string(name_of(value)); }
std::string to_text(SolverPrediction value) { return std::string(kPredictions[static_cast<std::size_t>(value)]); }
std::string to_text(std::optional<double> value) { return value ? to_text(*value) : ""; }
std::string to_text(std::optional<FinalSigma> value) {
  return value ? std::string(kFinalSigmas[static_cast<std::size_t>(*value)]) : "";
}

void parse(const SamplerOptionInfo& row, string_view text, double& value) { value = parse_number<double>(row, text); }
void parse(const SamplerOptionInfo& row, string_view text, int& value) { value = parse_number<int>(row, text); }
void parse(const SamplerOptionInfo& row, string_view text, bool& value) {
  value = parse_choice(row, text, kSwitches) == 1;
}
void parse(const SamplerOptionInfo& /*row*/, string_view text, SolverType& value) { value = parse_solver_type(text); }
void parse(const SamplerOptionInfo& row, string_view text, SolverPrediction& value) {
  value = static_cast<SolverPrediction>(parse_choice(row, text, kPredictions));
}
void parse(const SamplerOptionInfo& row, string_view text, std::optional<double>& value) {
  value = parse_number<double>(row, text);
}
void parse(const SamplerOptionInfo& row, string_view text, std::optional<FinalSigma>& value) {
  value = static_cast<FinalSigma>(parse_choice(row, text, kFinalSigmas));
}

void check_number(const SamplerOptionInfo& row, double value) { check_range(row, value, to_text(value)); }
void check_number(const SamplerOptionInfo& row, int value) { check_range(row, value, to_text(value)); }
void check_number(const SamplerOptionInfo& row, std::optional<double> value) {
  if (value) check_number(row, *value);
}
template <typename Choice>
void check_number(const SamplerOptionInfo& /*row*/, Choice /*value*/) {}

// Of values that did not come through set_option().
void check_ranges(const SamplerOptions& options) {
  for (const SamplerOptionInfo& row : kOptions) {
    if (text_of(options, row).empty()) continue;
    std::visit([&](auto member) { check_number(row, options.*member); }, row.member);
  }
}

void check_meanings(const SamplerOptions& options, const SamplerInfo& sampler) {
  for (const SamplerOptionInfo& row : kOptions) {
    if (sampler.options.contains(row.name) || text_of(options, row).empty()) continue;
    const std::vector<SamplerKind> users = samplers_with(row.name);
    if (users.empty()) continue;  // a matter of the schedule
    throw Error(ExitCode::kUsage, std::string(row.name) + " has no meaning for sampler " + std::string(sampler.name) +
                                      "; leave it out, or use one of " + names_of(users));
  }
}

void check_solver_type(SolverType type, const SamplerInfo& sampler) {
  if (type == SolverType::kAuto || sampler.solver.types.contains(type)) return;
  std::string list = "auto";
  for (const SolverType own : sampler.solver.types) list.append(", ").append(name_of(own));
  throw Error(ExitCode::kUsage,
              "sampler " + std::string(sampler.name) + " has no solver_type " + to_text(type) + "; use one of " + list);
}

void check_solver_order(const SamplerOptions& options, const SamplerInfo& sampler) {
  const std::string name(sampler.name);
  if (options.solver_order > sampler.solver.order_max) {
    throw Error(ExitCode::kUsage, "sampler " + name + " has no solver_order " + to_text(options.solver_order) +
                                      "; use 1 to " + to_text(sampler.solver.order_max));
  }
  if (options.solver_prediction == SolverPrediction::kEpsilon &&
      options.solver_order > sampler.solver.epsilon_order_max) {
    throw Error(ExitCode::kUsage, "there is no " + name + " of solver_order " + to_text(options.solver_order) +
                                      " with solver_prediction epsilon; use x0");
  }
}

void check_bounds(const SamplerOptions& options) {
  if (options.sigma_min && options.sigma_max && *options.sigma_min >= *options.sigma_max) {
    throw Error(ExitCode::kUsage,
                "sigma_min " + to_text(*options.sigma_min) + " is not below sigma_max " + to_text(*options.sigma_max));
  }
  if (options.s_tmin > options.s_tmax) {
    throw Error(ExitCode::kUsage, "s_tmin " + to_text(options.s_tmin) + " is above s_tmax " + to_text(options.s_tmax));
  }
}

}  // namespace

std::span<const SamplerOptionInfo> sampler_options() { return kOptions; }

std::string value_text(const SamplerOptions& options, const SamplerOptionInfo& info) {
  return std::visit([&](auto member) { return to_text(options.*member); }, info.member);
}

std::string text_of(const SamplerOptions& options, const SamplerOptionInfo& info) {
  return std::visit(
      [&](auto member) {
        const auto& value = options.*member;
        return value == SamplerOptions{}.*member ? std::string() : to_text(value);
      },
      info.member);
}

void set_option(SamplerOptions& options, const SamplerOptionInfo& info, std::string_view text) {
  std::visit([&](auto member) { parse(info, text, options.*member); }, info.member);
}

void check_options(const SamplerOptions& options, SamplerKind sampler) {
  check_ranges(options);
  check_meanings(options, info(sampler));
  check_solver_type(options.solver_type, info(sampler));
  check_solver_order(options, info(sampler));
  check_bounds(options);
}

}  // namespace txt2img
