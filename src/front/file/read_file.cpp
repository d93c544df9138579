#include "file/read_file.h"

#include <cstdint>
#include <fstream>
#include <system_error>

#include "txt2img/error.h"
#include "txt2img/format_text.h"

namespace txt2img {
namespace {

namespace fs = std::filesystem;

void check_is_regular_file(const fs::path& path) {
  std::error_code failure;
  const fs::file_status status = fs::status(path, failure);
  if (status.type() == fs::file_type::not_found) {
    throw Error(ExitCode::kMissingInput, path.string() + " is not there; check the name");
  }
  if (status.type() == fs::file_type::none) {
    throw Error(ExitCode::kIo,
                format_text("{} cannot be read: {}; check its permissions", path.string(), failure.message()));
  }
  if (status.type() != fs::file_type::regular) {
    throw Error(ExitCode::kBadData, path.string() + " is not a regular file; replace it by one");
  }
}

}  // namespace

std::string read_small_file(const fs::path& path, std::size_t max_bytes) {
  check_is_regular_file(path);
  std::error_code failure;
  const std::uintmax_t size = fs::file_size(path, failure);
  if (!failure && size > max_bytes) {
    throw Error(ExitCode::kBadData,
                format_text("{} has {} bytes, more than the {} that such a file may have; is it the right file?",
                            path.string(), size, max_bytes));
  }
  std::ifstream file(path, std::ios::binary);
  std::string text(failure ? 0 : static_cast<std::size_t>(size), '\0');
  if (failure || !file || !file.read(text.data(), static_cast<std::streamsize>(text.size()))) {
    throw Error(ExitCode::kIo, path.string() + " cannot be read; check its permissions and the disk");
  }
  return text;
}

}  // namespace txt2img
