#include "options/bare_words.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <system_error>

#include "options/prompt_format.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"
#include "txt2img/joined.h"
#include "txt2img/json.h"

namespace txt2img::cli {
namespace {

// Latin, Greek, Cyrillic, Hebrew and Arabic take two bytes at most in UTF-8; what takes three is mostly written without
// blanks.
bool is_word(const std::string& text) {
  const auto is_letter = [](unsigned char c) { return c >= 0xC2 || (c | 0x20U) - 'a' < 26U; };
  return std::ranges::any_of(text, is_letter) && text.find_first_of(" \t\n") == std::string::npos &&
         std::ranges::none_of(text, [](unsigned char c) { return c >= 0xE0; });
}

// The first words of at least two that follow each other.
std::vector<std::string> find_words(const std::vector<std::string>& prompts) {
  std::vector<std::string> words;
  for (const std::string& prompt : prompts) {
    if (is_word(prompt))
      words.push_back(prompt);
    else if (words.size() > 1)
      break;
    else
      words.clear();
  }
  return words.size() > 1 ? words : std::vector<std::string>();
}

bool is_prompt_file(const std::string& prompt) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(prompt, ignored)) return false;
  try {
    (void)format_of(prompt);
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

std::vector<std::string> explain_bare_words(const std::vector<std::string>& prompts) {
  std::vector<std::string> hints;
  if (const std::vector<std::string> words = find_words(prompts); !words.empty()) {
    hints.push_back(format_text("each of these {} words is a prompt of its own; as one prompt: {} in quotes",
                                words.size(), quote(joined(words, " "))));
  }
  const auto file = std::ranges::find_if(prompts, is_prompt_file);
  if (file != prompts.end())
    hints.push_back("the name " + quote(*file) + " is drawn as a prompt; to draw the lines of the file: --file " +
                    *file);
  return hints;
}

}  // namespace txt2img::cli
