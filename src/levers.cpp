#include "levers.h"

#include <cstdlib>
#include <string>

namespace txt2img {
namespace {

class Listed {
 public:
  explicit Listed(const char* variable) {
    if (const char* const value = std::getenv(variable)) names_ = "," + std::string(value) + ",";
  }

  [[nodiscard]] bool has(const std::string& name) const {
    return names_.empty() || names_.find("," + name + ",") != std::string::npos;
  }

 private:
  std::string names_{};
};

}  // namespace

CudaLevers cuda_levers() {
  const Listed listed("TXT2IMG_CUDA_LEVERS");
  return {.channels_last = listed.has("channels_last"), .graph = listed.has("graph")};
}

CpuLevers cpu_levers() {
  const Listed listed("TXT2IMG_CPU_LEVERS");
  return {.attention = listed.has("attention"), .packed = listed.has("packed"), .winograd = listed.has("winograd")};
}

}  // namespace txt2img
