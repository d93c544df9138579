// Special texts that become ids of their own, found in a text before anything else is done with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace txt2img {

template <class Char>
struct Literal {
  std::basic_string<Char> text;  // not empty
  std::vector<std::int64_t> ids;
};

// A stretch of a text: a literal's with its ids, or one between them, without.
struct LiteralSection {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::vector<std::int64_t> ids{};

  bool operator==(const LiteralSection&) const = default;
};

// The longest literal that `text` starts with, or nullptr.
template <class Char>
const Literal<Char>* find_literal(std::basic_string_view<Char> text, std::span<const Literal<Char>> literals) {
  const Literal<Char>* best = nullptr;
  for (const Literal<Char>& literal : literals) {
    if (text.starts_with(literal.text) && (best == nullptr || literal.text.size() > best->text.size())) best = &literal;
  }
  return best;
}

// Cuts a text at its literals, the leftmost first and of those the longest. No section is empty.
template <class Char>
std::vector<LiteralSection> split_literals(std::basic_string_view<Char> text, std::span<const Literal<Char>> literals) {
  std::vector<LiteralSection> sections;
  std::size_t begin = 0;
  const auto close = [&](std::size_t end) {
    if (end > begin) sections.push_back({begin, end});
  };
  for (std::size_t at = 0; at < text.size();) {
    const Literal<Char>* literal = find_literal(text.substr(at), literals);
    if (literal == nullptr) {
      ++at;
      continue;
    }
    close(at);
    begin = at + literal->text.size();
    sections.push_back({at, begin, literal->ids});
    at = begin;
  }
  close(text.size());
  return sections;
}

}  // namespace txt2img
