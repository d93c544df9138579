// A picture on its way from the device that drew it to the disk.
#pragma once

#include <exception>
#include <filesystem>
#include <optional>

#include "plan/job.h"
#include "txt2img/engine.h"
#include "txt2img/error.h"
#include "txt2img/record.h"

namespace txt2img::cli {

struct DrawnPicture {
  const Job* job = nullptr;
  Picture picture{};
  Record record{};
  std::optional<Error> failure{};  // why it could not be drawn: it is passed on in its turn
};

struct WrittenPicture {
  const Job* job = nullptr;
  Picture picture{};
  std::optional<std::filesystem::path> path{};  // empty: standard output; nothing: there is such a file, which stays
  double seconds = 0;
  std::optional<Error> failure{};  // why it could not be drawn
  std::exception_ptr error{};      // why it could not be written
};

}  // namespace txt2img::cli
