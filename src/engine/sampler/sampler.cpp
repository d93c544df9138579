#include "sampler/sampler.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/stack.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <cstddef>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "txt2img/error.h"

namespace txt2img {

Sampler::~Sampler() = default;

namespace {

// Whether the latent stayed finite.
class FiniteCheck {
 public:
  void look(const at::Tensor& x, const Step& step) {
    const at::Tensor is_finite = at::isfinite(x).all();
    if (!x.is_cpu()) {
      pending_.push_back(is_finite);
      last_ = step;
    } else if (!is_finite.item<bool>()) {
      fail(step.index, step.count);
    }
  }

  void finish() const {
    if (pending_.empty()) return;
    const at::Tensor are_finite = at::stack(pending_).cpu();
    const auto count = static_cast<int>(pending_.size());
    for (int i = 0; i < count; ++i) {
      if (!are_finite[i].item<bool>()) fail(last_.index + 1 - count + i, last_.count);
    }
  }

 private:
  [[noreturn]] static void fail(int index, int count) {
    throw Error(ExitCode::kInternal, "the latent holds NaN or Inf after step " + std::to_string(index + 1) + " of " +
                                         std::to_string(count) +
                                         "; try --dtype float32, a lower --guidance or another --sampler");
  }

  std::vector<at::Tensor> pending_;
  Step last_{};  // to which the last of them belongs
};

// A GPU is given steps faster than it does them. It always has some to go on with, and few enough that progress is true
// and a stop is felt soon.
class Pace {
 public:
  void keep(const at::Tensor& x) {
    if (x.is_cpu()) return;
    const c10::impl::VirtualGuardImpl device(x.device().type());
    queued_.emplace_back(x.device().type()).record(device.getStream(x.device()));
    if (queued_.size() <= kQueuedMax) return;
    queued_.front().synchronize();
    queued_.pop_front();
  }

 private:
  static constexpr std::size_t kQueuedMax = 2;  // steps

  std::deque<c10::Event> queued_;
};

Denoise watched(const Denoise& denoise, const Step& step,
                const std::function<void(const Step&, const Denoised&)>& seen) {
  return [&](const at::Tensor& x, const NoiseLevel& level) {
    Denoised denoised = denoise(x, level);
    seen(step, denoised);
    return denoised;
  };
}

}  // namespace

at::Tensor run_sampler(Sampler& sampler, const Trajectory& trajectory, Start start, const Denoise& denoise,
                       const NoiseSource& noise, const StepHooks& hooks) {
  at::Tensor x = std::move(start.x);
  FiniteCheck finite_check;
  Pace pace;
  int done = 0;
  const auto check_going = [&] {
    if (hooks.keep_going && !hooks.keep_going(done))
      throw Error(ExitCode::kInterrupted, "stopped after step " + std::to_string(done));
  };
  check_going();
  for (const Step& step : std::span(trajectory.steps).subspan(start.first_step)) {
    x = sampler.step(x, step, hooks.seen ? watched(denoise, step, hooks.seen) : denoise, noise);
    if (hooks.amend) x = hooks.amend(x, step);
    finite_check.look(x, step);
    pace.keep(x);
    ++done;
    check_going();
  }
  finite_check.finish();
  return trajectory.final_scale == 1 ? x : trajectory.final_scale * x;
}

}  // namespace txt2img
