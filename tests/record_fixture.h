// A record with every member set.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "txt2img/record.h"

namespace txt2img {

inline std::string hash(char digit) {
  return std::string(64, digit);  // NOLINT(modernize-return-braced-init-list): in braces it is two characters
}

inline Record make_record() {
  return {
      .version = "0.1.0",
      .job_key = hash('1'),
      .model = "stickers",
      .model_sha256 = "0123456789abcdef" + std::string(48, '2'),
      .settings = {.prompt = "two red apples",
                   .negative = "grey",
                   .seed = 9223372036854775807,
                   .steps = 20,
                   .guidance = 7.5,
                   .guidance_rescale = 0,
                   .width = 64,
                   .height = 72,
                   .sampler = SamplerKind::kDpmpp2m,
                   .schedule = ScheduleKind::kKarras,
                   .sampler_options = {.eta = 0},
                   .clip_skip = 1},
      .device = "cpu",
      .precision = Precision::kFloat32,
      .vae_precision = Precision::kFloat16,
      .stages = {.ids = hash('3'), .context = hash('4'), .noise = hash('5'), .latent = hash('6'), .pixels = hash('7')}};
}

inline void expect_equal(const Record& a, const Record& b) {
  EXPECT_EQ(a.version, b.version);
  EXPECT_EQ(a.job_key, b.job_key);
  EXPECT_EQ(a.model, b.model);
  EXPECT_EQ(a.model_sha256, b.model_sha256);
  EXPECT_EQ(a.settings, b.settings);
  EXPECT_EQ(a.device, b.device);
  EXPECT_EQ(a.precision, b.precision);
  EXPECT_EQ(a.vae_precision, b.vae_precision);
  EXPECT_EQ(a.stages, b.stages);
  EXPECT_EQ(a.retries, b.retries);
  EXPECT_EQ(a.levers, b.levers);
  EXPECT_EQ(a.machine, b.machine);
}

}  // namespace txt2img
