#include "sampler/picture_noise.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/randn.h>

#include <utility>

namespace txt2img {

PictureNoise::PictureNoise(std::span<const std::uint64_t> seeds, std::vector<std::int64_t> shape, c10::Device device)
    : shape_(std::move(shape)), device_(device) {
  for (const std::uint64_t seed : seeds) generators_.push_back(at::detail::createCPUGenerator(seed));
}

at::Tensor PictureNoise::draw() {
  std::vector<at::Tensor> rows;
  for (at::Generator& generator : generators_) rows.push_back(at::randn(shape_, generator, at::kFloat));
  const at::Tensor noise = at::cat(rows);
  // From pinned memory the copy joins the queue of the device, which needs not be waited for.
  return device_.is_cuda() ? noise.pin_memory().to(device_, at::kFloat, /*non_blocking=*/true) : noise;
}

}  // namespace txt2img
