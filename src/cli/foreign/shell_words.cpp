#include "foreign/shell_words.h"

#include <cctype>
#include <cstddef>

#include "txt2img/error.h"

namespace txt2img::cli {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool is_escape(std::string_view rest) {
  return rest.size() > 1 && rest[0] == '\\' && (rest[1] == '"' || rest[1] == '\\' || rest[1] == '\'');
}

bool opens_quote(char c, std::string_view before) {
  const bool is_in_word = !before.empty() && std::isalnum(static_cast<unsigned char>(before.back())) != 0;
  return c == '"' || (c == '\'' && !is_in_word);
}

// One word off the front of `rest`.
Word take_word(std::string_view& rest) {
  Word word{.text = {}, .is_quoted = rest.starts_with('"') || rest.starts_with('\'')};
  char quote_mark = 0;
  while (!rest.empty() && (quote_mark != 0 || !is_blank(rest.front()))) {
    const bool is_escaped = quote_mark != '\'' && is_escape(rest);
    if (is_escaped) rest.remove_prefix(1);
    const char c = rest.front();
    rest.remove_prefix(1);
    if (!is_escaped && c == quote_mark)
      quote_mark = 0;
    else if (!is_escaped && quote_mark == 0 && opens_quote(c, word.text))
      quote_mark = c;
    else
      word.text += c;
  }
  if (quote_mark != 0) throw Error(ExitCode::kBadData, "a quote is not closed");
  return word;
}

}  // namespace

std::vector<Word> split_words(std::string_view line) {
  std::vector<Word> words;
  for (;;) {
    while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
    if (line.empty()) return words;
    words.push_back(take_word(line));
  }
}

std::size_t end_of_quoted(std::string_view line) {
  if (!line.starts_with('"') && !line.starts_with('\'')) return 0;
  const char mark = line.front();
  for (std::size_t at = 1; at < line.size(); ++at) {
    if (line[at] == mark) return at + 1;
    if (mark == '"' && is_escape(line.substr(at))) ++at;
  }
  return 0;
}

}  // namespace txt2img::cli
