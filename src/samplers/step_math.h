// What the formulas of the samplers are written in: log signal-to-noise ratios of noise levels.
#pragma once

#include <cmath>

#include "txt2img/schedule.h"

namespace txt2img {

// sigma/alpha, the noise level of k-diffusion.
inline double ratio(const NoiseLevel& level) { return level.sigma / level.alpha; }

// lambda of arXiv 2206.00927; infinite at either end.
inline double log_snr(const NoiseLevel& level) { return std::log(level.alpha) - std::log(level.sigma); }

// exp(-h), h = lambda(to) - lambda(from). 0 from alpha = 0 or to sigma = 0.
inline double decay(const NoiseLevel& from, const NoiseLevel& to) {
  return (to.sigma * from.alpha) / (to.alpha * from.sigma);
}

}  // namespace txt2img
