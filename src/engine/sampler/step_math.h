// What the formulas of the samplers are written in: log signal-to-noise ratios of noise levels.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

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

// Deviation of the noise that an ancestral step adds once it has gone down to r times the level it is to reach
// (k-diffusion's get_ancestral_step with eta = 1; in ratios s: s_down = s'^2 / s, s_up^2 = s'^2 - s_down^2).
inline double ancestral_noise(const NoiseLevel& to, double r) { return to.sigma * std::sqrt(std::max(1 - r * r, 0.0)); }

// The Lagrange polynomial that is 1 at nodes[k] and 0 at the others.
inline double lagrange(std::span<const double> nodes, std::size_t k, double x) {
  double product = 1;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (i != k) product *= (x - nodes[i]) / (nodes[k] - nodes[i]);
  }
  return product;
}

}  // namespace txt2img
