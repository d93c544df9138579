// Parameters of samplers and schedules that have a good default.
#pragma once

#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "txt2img/export.h"
#include "txt2img/sampler_table.h"
#include "txt2img/scheduler_config.h"

namespace txt2img {

enum class SolverPrediction { kX0, kEpsilon };

// sigma is sigma/alpha of a noise level, as in k-diffusion.
struct SamplerOptions {
  double eta = 0;      // 0 deterministic ... 1 as noisy as DDPM; of tcd, its gamma
  double s_churn = 0;  // arXiv 2206.00364, algorithm 2: noise added over the whole run, ...
  double s_tmin = 0;   // ... while sigma is between these
  double s_tmax = std::numeric_limits<double>::infinity();
  double s_noise = 1;    // standard deviation of the noise, in units of the theory's
  int solver_order = 0;  // 0: the sampler's own
  SolverType solver_type = SolverType::kAuto;
  SolverPrediction solver_prediction =
      SolverPrediction::kX0;      // what a solver extrapolates: DPM-Solver++'s or DPM-Solver's
  bool lower_order_final = true;  // lower order in the last steps of a run of less than 15
  bool euler_at_final = false;    // first order in the last step
  double snr = 0.16;              // langevin: signal-to-noise ratio of a correction, r of arXiv 2011.13456
  int corrector_steps = 1;        // langevin: at each noise level
  int original_steps = 0;         // lcm, tcd: steps of the distilled grid; 0: the model's
  std::optional<FinalSigma> final_sigmas_type{};  // where a run ends; empty: as the model says
  std::optional<double> sigma_min{};              // ends of the schedules in sigma; empty: the model's
  std::optional<double> sigma_max{};
  double rho = 7;                   // karras: sigma^(1/rho) is evenly spaced
  std::optional<double> shift{};    // flow matching: the model's resolution shift
  std::vector<double> sigmas{};     // explicit noise levels, falling; the last is where the run ends
  std::vector<double> timesteps{};  // explicit timesteps, falling

  bool operator==(const SamplerOptions&) const = default;
};

// A row for each of them but the lists: its name (in prompt files and records; "--" and '-' on the command line), its
// place and its range. Whom it concerns say the rows of the samplers.
struct SamplerOptionInfo {
  using Member = std::variant<double SamplerOptions::*, int SamplerOptions::*, bool SamplerOptions::*,
                              SolverType SamplerOptions::*, SolverPrediction SamplerOptions::*,
                              std::optional<double> SamplerOptions::*, std::optional<FinalSigma> SamplerOptions::*>;
  std::string_view name;
  Member member;
  double min = 0;  // of numbers
  double max = 0;
};

TXT2IMG_API std::span<const SamplerOptionInfo> sampler_options();

// The value as text, as the command line and JSON have it; empty where it is left to the model.
TXT2IMG_API std::string value_text(const SamplerOptions& options, const SamplerOptionInfo& info);

// The same, but empty if it is the default.
TXT2IMG_API std::string text_of(const SamplerOptions& options, const SamplerOptionInfo& info);

// Throws Error(kUsage): not a number, out of range, no such choice.
TXT2IMG_API void set_option(SamplerOptions& options, const SamplerOptionInfo& info, std::string_view text);

// Throws Error(kUsage) for a number out of range, an option that means nothing to the sampler, a value that it does not
// have, and a combination that makes no sense.
TXT2IMG_API void check_options(const SamplerOptions& options, SamplerKind sampler);

}  // namespace txt2img
