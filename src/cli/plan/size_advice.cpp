#include "plan/size_advice.h"

#include <cstdint>
#include <string_view>

#include "txt2img/format_text.h"

namespace txt2img::cli {
namespace {

std::string size_text(int width, int height) { return format_text("{}x{}", width, height); }

// Without the ends of the range: a model of 128x128 draws nothing at 64x128, nor at 64x256.
bool is_within_twice(std::int64_t value, std::int64_t own) { return 2 * value > own && value < 2 * own; }

}  // namespace

std::string size_advice(const Settings& settings, const Bundle& bundle) {
  const Defaults& own = bundle.defaults;
  const std::int64_t pixels = std::int64_t{settings.width} * settings.height;
  const std::int64_t own_pixels = std::int64_t{own.width} * own.height;
  if (is_within_twice(pixels, own_pixels) && is_within_twice(settings.width, own.width) &&
      is_within_twice(settings.height, own.height))
    return {};
  const bool is_small = pixels < own_pixels || settings.width < own.width || settings.height < own.height;
  const std::string_view outcome = is_small ? "may come out empty or spoilt" : "may show things several times";
  return format_text("the size {} is far from {}, which the model is made for: pictures {}",
                     size_text(settings.width, settings.height), size_text(own.width, own.height), outcome);
}

void SizeAdvice::warn(const Settings& settings, const Bundle& bundle, Console& console) {
  const std::string advice = is_said_ ? "" : size_advice(settings, bundle);
  if (advice.empty()) return;
  console.warning(advice);
  is_said_ = true;
}

}  // namespace txt2img::cli
