// parse_infotext_row: a request of a prompt file in the lines that AUTOMATIC1111 writes.
#include <algorithm>
#include <ranges>
#include <utility>

#include "foreign/infotext.h"
#include "prompts/prompt_row.h"
#include "txt2img/error.h"

namespace txt2img::cli {
namespace {

[[noreturn]] void refuse(const std::string& problem) { throw Error(ExitCode::kBadData, problem); }

std::string_view last_line(std::string_view text) { return text.substr(text.rfind('\n') + 1); }

}  // namespace

bool is_of_infotext(const std::string& text) {
  return text.find('\n') != std::string::npos || foreign::is_negative_line(text) || foreign::is_infotext_end(text);
}

void check_infotext_block(std::string_view text) {
  std::size_t negatives = 0;
  std::size_t lines_after = 0;
  for (const auto part : std::views::split(text, '\n')) {
    if (foreign::is_negative_line({part.begin(), part.end()}))
      ++negatives;
    else if (negatives > 0)
      ++lines_after;
  }
  if (negatives > 1) refuse("the request has two lines 'Negative prompt: ...'; put a blank line between requests");
  if (lines_after > 0 && !foreign::is_infotext_end(last_line(text)))
    refuse(
        "is what follows 'Negative prompt: ...' part of it? If so, end the request with a line 'Steps: ...', else "
        "put a blank line between requests");
}

PromptRow parse_infotext_row(const std::string& text) {
  std::optional<foreign::Request> request = foreign::parse_infotext(text);
  if (!request || request->prompt.find_first_not_of(" \n") == std::string::npos)
    refuse(
        "settings as AUTOMATIC1111 writes them, without a prompt in the lines above (a blank line ends a request; "
        "with --stream a line is one): write --prompt \"...\" --steps 20, or put the prompt above them");
  PromptRow row;
  row.prompt = std::exchange(request->prompt, {});
  row.foreign = std::move(request);
  return row;
}

}  // namespace txt2img::cli
