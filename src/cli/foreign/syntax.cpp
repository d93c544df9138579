#include "foreign/syntax.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace txt2img::cli {
namespace {

using std::string_view;

constexpr std::size_t kPieceMax = 256;  // bytes that are looked at for the end of a piece

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_capital(char c) { return c >= 'A' && c <= 'Z'; }
bool is_letter(char c) { return is_capital(c) || (c >= 'a' && c <= 'z'); }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

// The length of what `text` begins with: `open`, something without either of the two, `close`; 0 if it does not.
std::size_t bracketed(string_view text, char open, char close) {
  if (text.empty() || text[0] != open) return 0;
  const std::size_t end = text.substr(0, kPieceMax).find_first_of(std::array{open, close, char{}}.data(), 1);
  return end == string_view::npos || text[end] == open ? 0 : end + 1;
}

// "1.4", "-.5", " 1.2", "2"
enum class Number { kNone, kWhole, kReal };

Number read_number(string_view text, std::size_t digits_max) {
  const bool is_after_blank = text.starts_with(' ');
  if (is_after_blank) text.remove_prefix(1);
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  const std::size_t point = std::min(text.find('.'), text.size());
  const string_view whole = text.substr(0, point);
  const string_view decimals = text.substr(std::min(point + 1, text.size()));
  const bool is_number = std::ranges::all_of(whole, is_digit) && std::ranges::all_of(decimals, is_digit);
  if (!is_number || whole.size() > digits_max || whole.size() + decimals.size() == 0) return Number::kNone;
  if (!decimals.empty()) return Number::kReal;
  return is_after_blank ? Number::kNone : Number::kWhole;
}

// "red:1.4" within parentheses, "red:blue:9" within brackets.
bool ends_in_number(string_view inside, std::size_t digits_max) {
  const std::size_t colon = inside.rfind(':');
  if (colon == string_view::npos || colon == 0) return false;
  const Number number = read_number(inside.substr(colon + 1), digits_max);
  return number == Number::kReal || (number == Number::kWhole && !is_digit(inside[colon - 1]));
}

string_view inside(string_view text, std::size_t size) { return text.substr(1, size - 2); }

// What is found where `text` begins: the size of the piece, or 0. `before` is the character in front of it, or a blank.
using Find = std::size_t (*)(string_view text, char before);

std::size_t find_weight(string_view text, char) {
  const std::size_t size = bracketed(text, '(', ')');
  return size > 2 && ends_in_number(inside(text, size), 1) ? size : 0;
}

std::size_t find_edit(string_view text, char) {
  const std::size_t size = bracketed(text, '[', ']');
  if (size <= 2) return 0;
  const bool has_choice = inside(text, size).find('|') != string_view::npos;
  return has_choice || ends_in_number(inside(text, size), 3) ? size : 0;
}

std::size_t find_choice(string_view text, char) {
  const std::size_t size = bracketed(text, '{', '}');
  return size > 2 && inside(text, size).find('|') != string_view::npos ? size : 0;
}

template <char open, char close>
std::size_t find_doubled(string_view text, char) {
  if (text.empty() || text[0] != open) return 0;
  const std::size_t size = bracketed(text.substr(1), open, close);
  return size > 2 && text.substr(1 + size).starts_with(close) ? size + 2 : 0;
}

std::size_t find_network(string_view text, char) {
  for (const string_view start : {"<lora:", "<lyco:", "<locon:", "<hypernet:"}) {
    const std::size_t end = text.starts_with(start) ? text.substr(0, kPieceMax).find('>') : string_view::npos;
    if (end != string_view::npos) return end + 1;
  }
  return 0;
}

std::size_t find_wildcard(string_view text, char before) {
  if (!text.starts_with("__") || is_letter(before) || is_digit(before) || before == '_') return 0;
  const std::size_t end = text.substr(0, kPieceMax).find("__", 3);
  if (end == string_view::npos) return 0;
  const auto is_of_name = [](char c) {
    return is_letter(c) || is_digit(c) || string_view("_-/*.").find(c) != string_view::npos;
  };
  return std::ranges::all_of(text.substr(0, end), is_of_name) ? end + 2 : 0;
}

std::size_t find_escape(string_view text, char) {
  return text.size() > 1 && text[0] == '\\' && string_view("()[]").find(text[1]) != string_view::npos ? 2 : 0;
}

// Behind a closing parenthesis: ++, --, 1.4, .blend(
std::size_t find_compel(string_view text, char) {
  if (!text.starts_with(')')) return 0;
  for (const string_view end : {")++", ")--", ").blend(", ").swap(", ").and("}) {
    if (text.starts_with(end)) return end.size();
  }
  const bool is_real = text.size() > 3 && is_digit(text[1]) && text[2] == '.' && is_digit(text[3]);
  return is_real ? 4 : 0;
}

std::size_t find_embedding(string_view text, char before) {
  constexpr string_view kStart = "embedding:";
  const bool is_it = text.starts_with(kStart) && text.size() > kStart.size() && !is_letter(before);
  return is_it && !is_blank(text[kStart.size()]) ? kStart.size() : 0;
}

std::size_t find_share(string_view text, char before) {
  if (!text.starts_with("::") || is_blank(before) || is_digit(before)) return 0;
  const std::size_t at = text.substr(2).starts_with('-') ? 3 : 2;
  return text.size() > at && is_digit(text[at]) ? at + 1 : 0;
}

std::size_t find_switch(string_view text, char before) {
  if (!text.starts_with("--") || text.size() < 4 || !is_blank(before) || !is_letter(text[2])) return 0;
  return std::min(text.find_first_of(" \t\n"), text.size());
}

constexpr std::array<Find, 12> kFinders = {find_weight,
                                           find_edit,
                                           find_choice,
                                           find_doubled<'(', ')'>,
                                           find_doubled<'[', ']'>,
                                           find_network,
                                           find_wildcard,
                                           find_escape,
                                           find_compel,
                                           find_embedding,
                                           find_share,
                                           find_switch};

bool is_in_capitals(string_view word) {
  return std::ranges::count_if(word, is_capital) > 1 &&
         std::ranges::none_of(word, [](char c) { return c >= 'a' && c <= 'z'; });
}

string_view take_word(string_view& rest) {
  while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
  const std::size_t end = std::min(rest.find_first_of(" \t\n"), rest.size());
  const string_view word = rest.substr(0, end);
  rest.remove_prefix(end);
  return word;
}

// BREAK and AND between words that are not in capitals themselves.
string_view find_keyword(string_view prompt) {
  string_view before;
  string_view word = take_word(prompt);
  while (!word.empty()) {
    const string_view after = take_word(prompt);
    const bool is_between = !before.empty() && !after.empty() && !is_in_capitals(before) && !is_in_capitals(after);
    if (is_between && (word == "BREAK" || word == "AND")) return word;
    before = word;
    word = after;
  }
  return {};
}

bool is_all_quoted(string_view prompt) {
  return prompt.size() > 2 && prompt.front() == '"' && prompt.find('"', 1) == prompt.size() - 1;
}

}  // namespace

string_view find_foreign_syntax(string_view prompt) {
  char before = ' ';
  for (std::size_t at = 0; at < prompt.size(); before = prompt[at++]) {
    // All pieces begin with one of these.
    if (string_view("([{<_\\)e:-").find(prompt[at]) == string_view::npos) continue;
    for (const Find find : kFinders) {
      if (const std::size_t size = find(prompt.substr(at), before); size > 0) return prompt.substr(at, size);
    }
  }
  if (is_all_quoted(prompt)) return prompt;
  return find_keyword(prompt);
}

}  // namespace txt2img::cli
