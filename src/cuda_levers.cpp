#include "cuda_levers.h"

#include <cstdlib>
#include <string>

namespace txt2img {

CudaLevers cuda_levers() {
  const char* const listed = std::getenv("TXT2IMG_CUDA_LEVERS");
  if (listed == nullptr) return {};
  const std::string names = "," + std::string(listed) + ",";
  const auto has = [&](const char* name) { return names.find("," + std::string(name) + ",") != std::string::npos; };
  return {.channels_last = has("channels_last"), .graph = has("graph")};
}

}  // namespace txt2img
