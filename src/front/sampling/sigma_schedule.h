// Noise levels sigma/alpha that are spread by a formula, whatever the timesteps of the model.
#pragma once

#include <vector>

#include "txt2img/names.h"

namespace txt2img {

struct SigmaRange {
  double min = 0;
  double max = 0;
  double rho = 7;  // karras
};

// Whether a schedule is one of these.
bool is_sigma_schedule(ScheduleKind schedule);

// n levels, falling from range.max to range.min; the published ones (ays) do not look at the range.
std::vector<double> spread_sigmas(ScheduleKind schedule, const SigmaRange& range, int n);

// Inverse of the beta distribution's cumulative function for a = b = 0.6: `p` in [0, 1] -> [0, 1].
double beta_quantile(double p);

}  // namespace txt2img
