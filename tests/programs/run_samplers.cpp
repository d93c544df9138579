// Runs samplers on closed-form networks for tests/python/sampler_runs.py: a JSON object a line in, one a line out.
//   in: {"scheduler": {as in model.json}, "sampler", "schedule", "steps", "options": {name: text}, "sigmas": [],
//        "timesteps": [], "levels": [[alpha, sigma, timestep], ...] (instead of a schedule), "network", "seed",
//        "shape"}
//   out: {"timesteps": [of each call of the network], "draws", "noise_sha256": of all draws, "latent": [numbers],
//        "seconds": of the run without the network}
//        or {"error": text}
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>

#include <chrono>
#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bundle/scheduler_json.h"
#include "module/denoiser.h"
#include "txt2img/error.h"
#include "txt2img/json.h"
#include "txt2img/sha256.h"

namespace {

using nlohmann::json;
using namespace txt2img;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// The same functions as in sampler_runs.py.
at::Tensor network(const std::string& name, const at::Tensor& x, double t) {
  if (name == "tanh") return (0.6 * x + 0.3 * std::sin(0.01 * t)).tanh();
  return 0.5 * x + 0.25 * (2 * x + 0.003 * t).sin();
}

struct Case {
  explicit Case(const json& line)
      : scheduler(parse_scheduler(JsonObject(line["scheduler"], source))),
        sampler(parse_sampler(line["sampler"].get<std::string>()).sampler),
        schedule(parse_schedule(line.value("schedule", "model"))) {
    const json given = line.value("options", json::object());
    for (const SamplerOptionInfo& row : sampler_options()) {
      if (given.contains(row.name)) set_option(options, row, given[std::string(row.name)].get<std::string>());
    }
    options.sigmas = line.value("sigmas", std::vector<double>{});
    options.timesteps = line.value("timesteps", std::vector<double>{});
  }

  JsonSource source{.name = "the case", .remedy = "mend the test"};
  SchedulerConfig scheduler;
  SamplerKind sampler;
  ScheduleKind schedule;
  SamplerOptions options;
};

Trajectory listed_trajectory(const json& levels) {
  Trajectory trajectory;
  const auto level = [&](std::size_t i) {
    return NoiseLevel{.alpha = levels[i][0], .sigma = levels[i][1], .timestep = levels[i][2]};
  };
  for (std::size_t i = 0; i + 1 < levels.size(); ++i) {
    trajectory.steps.push_back({.from = level(i),
                                .to = level(i + 1),
                                .index = static_cast<int>(i),
                                .count = static_cast<int>(levels.size()) - 1});
  }
  return trajectory;
}

Trajectory trajectory_of(const Case& c, const json& line) {
  if (line.contains("levels")) return listed_trajectory(line["levels"]);
  return plan_trajectory(NoiseSchedule(c.scheduler), c.scheduler, c.sampler, c.schedule, line["steps"], c.options);
}

json run(const json& line) {
  const Case c(line);
  const Trajectory trajectory = trajectory_of(c, line);
  const std::vector<std::int64_t> shape = line["shape"];
  at::Generator generator = at::detail::createCPUGenerator(line["seed"].get<std::uint64_t>());
  std::vector<at::Tensor> draws;
  const auto draw = [&] {
    draws.push_back(at::randn(shape, generator, at::kFloat));
    return draws.back();
  };
  std::vector<double> timesteps;
  const std::string name = line["network"];
  double seconds = 0;
  const auto predict = [&](const at::Tensor& latent, double timestep, const Conditioning& /*conditioning*/) {
    const Clock::time_point start = Clock::now();
    timesteps.push_back(timestep);
    at::Tensor out = network(name, latent, timestep);
    seconds -= seconds_since(start);
    return out;
  };
  const Denoiser denoiser(predict, denoiser_options(c.scheduler, c.sampler, c.options), {}, std::nullopt);
  const at::Tensor initial = draw();
  const Clock::time_point start = Clock::now();
  const at::Tensor latent = run_sampler(*make_sampler(c.sampler, c.options, c.scheduler), trajectory,
                                        start_from_noise(trajectory, initial), denoiser, draw);
  seconds += seconds_since(start);
  const at::Tensor all = at::cat(draws).contiguous();
  const at::Tensor flat = latent.contiguous().flatten();
  const std::span<const float> values{flat.const_data_ptr<float>(), static_cast<std::size_t>(flat.numel())};
  return {{"timesteps", timesteps},
          {"draws", draws.size()},
          {"noise_sha256", sha256_hex({static_cast<const std::byte*>(all.const_data_ptr()), all.nbytes()})},
          {"seconds", seconds},
          {"latent", std::vector<float>(values.begin(), values.end())}};
}

}  // namespace

int main() {
  const c10::InferenceMode guard;
  at::set_num_threads(1);
  std::string text;
  while (std::getline(std::cin, text)) {
    json result;
    try {
      result = run(json::parse(text));
    } catch (const txt2img::Error& error) {
      result = {{"error", error.what()}};
    }
    std::cout << result.dump() << '\n';
  }
}
