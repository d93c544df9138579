// What to expect of a picture whose size is far from those that the model was trained on.
#pragma once

#include <string>

#include "screen/console.h"
#include "txt2img/bundle.h"
#include "txt2img/request.h"

namespace txt2img::cli {

// A warning; nothing where pixels, width and height are each more than half and less than twice of the model's own: so
// far SD 1.5, SDXL and the bundled model draw what they are told.
std::string size_advice(const Settings& settings, const Bundle& bundle);

// Says it once: in a file of many sizes it would be said of most.
class SizeAdvice {
 public:
  void warn(const Settings& settings, const Bundle& bundle, Console& console);

 private:
  bool is_said_ = false;
};

}  // namespace txt2img::cli
