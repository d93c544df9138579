// A line of a manifest with every member set.
#pragma once

#include <string>

#include "cli/manifest.h"

namespace txt2img::cli {

inline ManifestEntry manifest_entry(const std::string& path) {
  return {.path = path,
          .item = 3,
          .image = 1,
          .seed = 8,
          .run_seed = 7,
          .job_key = std::string(64, 'a'),
          .sha256 = std::string(64, 'b'),
          .device = "cpu",
          .precision = Precision::kBfloat16,
          .vae_precision = Precision::kFloat32};
}

}  // namespace txt2img::cli
