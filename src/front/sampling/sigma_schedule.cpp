#include "sampling/sigma_schedule.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "sampling/timestep_grid.h"

namespace txt2img {
namespace {

// arXiv 2206.00364, equation 5.
double karras_sigma(const SigmaRange& range, double ramp) {
  const double from = std::pow(range.max, 1 / range.rho);
  return std::pow(from + ramp * (std::pow(range.min, 1 / range.rho) - from), range.rho);
}

double exponential_sigma(const SigmaRange& range, int n, int i) {
  return std::exp(linspace_at(std::log(range.max), std::log(range.min), n, i));
}

// arXiv 2407.12173.
double beta_sigma(const SigmaRange& range, double ramp) {
  return range.min + beta_quantile(1 - ramp) * (range.max - range.min);
}

// Levels of arXiv 2404.14507 for ten steps, without the last one, zero.
constexpr std::array kAysSigmas{14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152};
constexpr std::array kAysXlSigmas{14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113};

// For other numbers of steps, log-linear between them, as its authors do.
double ays_sigma(std::span<const double> table, int n, int i) {
  const double place = n == 1 ? 0 : static_cast<double>(i) * static_cast<double>(table.size() - 1) / (n - 1);
  const std::size_t low = std::min(static_cast<std::size_t>(place), table.size() - 2);
  return std::exp(std::lerp(std::log(table[low]), std::log(table[low + 1]), place - static_cast<double>(low)));
}

double sigma_at(ScheduleKind schedule, const SigmaRange& range, int n, int i) {
  switch (schedule) {
    case ScheduleKind::kKarras: return karras_sigma(range, linspace_at(0, 1, n, i));
    case ScheduleKind::kBeta: return beta_sigma(range, linspace_at(0, 1, n, i));
    case ScheduleKind::kAys: return ays_sigma(kAysSigmas, n, i);
    case ScheduleKind::kAysXl: return ays_sigma(kAysXlSigmas, n, i);
    case ScheduleKind::kExponential:
    case ScheduleKind::kLu:
    case ScheduleKind::kModel:
    case ScheduleKind::kLinspace:
    case ScheduleKind::kLeading:
    case ScheduleKind::kTrailing:
    case ScheduleKind::kSgmUniform:
    case ScheduleKind::kSimple: return exponential_sigma(range, n, i);
  }
  return 0;
}

// The density's integral from 0 to x <= 1/2 over that to 1, by the power series of (1 - t)^(b-1).
double beta_cumulative(double x) {
  constexpr double kShape = 0.6;  // both a and b
  constexpr int kTerms = 52;      // each is less than half of the one before
  double sum = 0;
  double coefficient = 1;
  for (int k = 0; k < kTerms; ++k) {
    sum += coefficient / (kShape + k);
    coefficient *= (k + 1 - kShape) / (k + 1) * x;
  }
  return std::pow(x, kShape) * sum / std::beta(kShape, kShape);
}

}  // namespace

bool is_sigma_schedule(ScheduleKind schedule) {
  const ScheduleBasis basis = info(schedule).basis;
  return basis == ScheduleBasis::kSigmas || basis == ScheduleBasis::kPublishedSigmas;
}

std::vector<double> spread_sigmas(ScheduleKind schedule, const SigmaRange& range, int n) {
  std::vector<double> sigmas;
  for (int i = 0; i < n; ++i) sigmas.push_back(sigma_at(schedule, range, n, i));
  return sigmas;
}

// The distribution is symmetric about 1/2; below it, bisection.
double beta_quantile(double p) {
  if (p > 0.5) return 1 - beta_quantile(1 - p);
  double low = 0;
  double high = 0.5;
  constexpr int kHalvings = 80;
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = (low + high) / 2;
    (beta_cumulative(middle) < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace txt2img
