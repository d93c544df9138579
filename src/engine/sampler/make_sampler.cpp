#include <array>
#include <cstddef>
#include <utility>

#include "sampler/maker.h"

namespace txt2img {
namespace {

template <std::size_t... kinds>
constexpr auto make_each(std::index_sequence<kinds...> /*kinds*/) {
  return std::array{&make<static_cast<SamplerKind>(kinds)>...};
}
constexpr std::array kMakers = make_each(std::make_index_sequence<kSamplerCount>());

}  // namespace

SamplerPtr make_sampler(SamplerKind kind, const SamplerOptions& options, const SchedulerConfig& config) {
  SamplerOptions settled = options;
  if (settled.solver_order == 0) settled.solver_order = info(kind).solver.order;
  return kMakers.at(static_cast<std::size_t>(kind))({settled, config});
}

}  // namespace txt2img
