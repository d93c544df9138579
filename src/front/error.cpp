#include "txt2img/error.h"

#include <algorithm>
#include <utility>

namespace txt2img {
namespace {

// Foreign libraries and file names bring line breaks along; a log is read line by line.
std::string to_one_line(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

}  // namespace

Error::Error(ExitCode code, const std::string& message, std::string detail)
    : std::runtime_error(to_one_line(message)), code_(code), detail_(std::move(detail)) {}

// Here, so that the type's identity lives in one library and can be caught across them.
Error::~Error() = default;

}  // namespace txt2img
