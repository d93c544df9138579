// What an overview of a run tells of one picture.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

#include "plan/outcome.h"
#include "txt2img/request.h"

namespace txt2img::cli {

struct ShownPicture {
  std::size_t number = 1;  // among all pictures of the run
  Status status = Status::kDone;
  std::filesystem::path path{};        // of the file; empty: there is none to show
  std::optional<Settings> settings{};  // that it was drawn with; empty: nobody knows
  std::string note{};                  // what a reader should know besides: why it is not there
};

}  // namespace txt2img::cli
