#include "txt2img/utf8.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

namespace txt2img {
namespace {

struct LeadByte {
  std::size_t size;          // of the code point, 0: not a lead byte
  unsigned char second_min;  // of the second byte: shuts out long forms, surrogates and values over U+10FFFF
  unsigned char second_max;
};

constexpr LeadByte classify_lead(unsigned char lead) {
  if (lead >= 0xC2 && lead <= 0xDF) return {2, 0x80, 0xBF};
  if (lead == 0xE0) return {3, 0xA0, 0xBF};
  if (lead == 0xED) return {3, 0x80, 0x9F};
  if (lead >= 0xE1 && lead <= 0xEF) return {3, 0x80, 0xBF};
  if (lead == 0xF0) return {4, 0x90, 0xBF};
  if (lead >= 0xF1 && lead <= 0xF3) return {4, 0x80, 0xBF};
  if (lead == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

struct Range {
  char32_t first;
  char32_t last;
};

// Controls (C0, DEL, C1), then what moves, reverses or annotates the text around it. Joiners stay: emoji need them.
constexpr std::array kHidden{
    Range{0x00, 0x1F},     Range{0x7F, 0x9F},     Range{0x61C, 0x61C},   Range{0x200E, 0x200F}, Range{0x2028, 0x202E},
    Range{0x2066, 0x2069}, Range{0x206A, 0x206F}, Range{0xFEFF, 0xFEFF}, Range{0xFFF9, 0xFFFB},
};

bool is_hidden(char32_t value) {
  return std::ranges::any_of(kHidden, [value](Range r) { return r.first <= value && value <= r.last; });
}

void append_escape(std::string& out, const char* format, unsigned value) {
  std::array<char, 16> buffer{};
  std::snprintf(buffer.data(), buffer.size(), format, value);
  out += buffer.data();
}

void append_hidden(std::string& out, char32_t value) {
  switch (value) {
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: append_escape(out, value < 0x80 ? "\\x%02x" : "\\u%04x", static_cast<unsigned>(value));
  }
}

}  // namespace

CodePoint decode_utf8(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  if (lead < 0x80) return {lead, 1, true};
  const LeadByte shape = classify_lead(lead);
  if (shape.size == 0) return {kReplacementCharacter, 1, false};
  char32_t value = lead & (0x7FU >> shape.size);
  for (std::size_t i = 1; i < shape.size; ++i) {
    const unsigned char min = i == 1 ? shape.second_min : 0x80;
    const unsigned char max = i == 1 ? shape.second_max : 0xBF;
    if (at + i >= text.size() || byte(at + i) < min || byte(at + i) > max) return {kReplacementCharacter, i, false};
    value = (value << 6U) | (byte(at + i) & 0x3FU);
  }
  return {value, shape.size, true};
}

void append_utf8(std::string& text, char32_t value) {
  const auto tail = [value](unsigned shift) { return static_cast<char>(0x80U | ((value >> shift) & 0x3FU)); };
  if (value < 0x80) {
    text += static_cast<char>(value);
  } else if (value < 0x800) {
    text += {static_cast<char>(0xC0U | (value >> 6U)), tail(0)};
  } else if (value < 0x10000) {
    text += {static_cast<char>(0xE0U | (value >> 12U)), tail(6), tail(0)};
  } else {
    text += {static_cast<char>(0xF0U | (value >> 18U)), tail(12), tail(6), tail(0)};
  }
}

bool is_valid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode_utf8(text, at);
    if (!point.is_valid) return false;
    at += point.size;
  }
  return true;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode_utf8(text, at);
    append_utf8(out, point.value);
    at += point.size;
  }
  return out;
}

std::string escape_for_terminal(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode_utf8(text, at);
    const std::string_view bytes = text.substr(at, point.size);
    if (!point.is_valid) {
      for (const char byte : bytes) append_escape(out, "\\x%02x", static_cast<unsigned char>(byte));
    } else if (is_hidden(point.value)) {
      append_hidden(out, point.value);
    } else {
      out += bytes;
    }
    at += point.size;
  }
  return out;
}

}  // namespace txt2img
