#include "prompts/prompts.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "txt2img/error.h"
#include "txt2img/utf8.h"

namespace txt2img::cli {
namespace {

constexpr std::size_t kPromptMax = 1 << 20;  // bytes

std::string read_standard_input() {
  std::string text;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t size = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (size == 0) return text;
    if (size < 0 && errno == EINTR) continue;
    if (size < 0)
      throw Error(ExitCode::kIo, std::string("cannot read the prompt from standard input: ") + std::strerror(errno));
    text.append(buffer.data(), static_cast<std::size_t>(size));
    if (text.size() > kPromptMax) throw Error(ExitCode::kBadData, "standard input: the prompt is longer than 1 MiB");
  }
}

// Editors put it in front of a text; "$(cat prompt.txt)" has it, too.
std::string without_mark(std::string text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  return text;
}

std::string read_prompt() {
  std::string text = read_standard_input();
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
    throw Error(ExitCode::kBadData,
                "standard input: the prompt is in UTF-16; convert it to UTF-8, with iconv for instance");
  if (!is_valid_utf8(text) || text.find('\0') != std::string::npos) {
    throw Error(ExitCode::kBadData, "standard input: the prompt is not UTF-8 text");
  }
  return text;
}

}  // namespace

std::vector<std::string> read_prompts(const std::vector<std::string>& given) {
  if (std::count(given.begin(), given.end(), "-") > 1) {
    throw Error(ExitCode::kUsage, "'-' reads the prompt from standard input, which can be read once only");
  }
  std::vector<std::string> prompts;
  for (const std::string& prompt : given) {
    prompts.push_back(without_mark(prompt == "-" ? read_prompt() : prompt));
  }
  return prompts;
}

}  // namespace txt2img::cli
