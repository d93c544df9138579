// Option values from text, strictly: no wrapping, no hexadecimal, no nan, nothing left over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "screen/choices.h"
#include "txt2img/settings.h"

namespace txt2img::cli {

// All throw Error(kUsage) that quotes the text and says what is expected.
int parse_integer(std::string_view text);
int parse_integer(std::string_view text, int min, int max);
double parse_real(std::string_view text);

// Numbers with commas between them, at least one.
std::vector<double> parse_reals(std::string_view text);
bool parse_switch(std::string_view text);
PixelPair parse_size(std::string_view text);                                                 // "640x480"
PixelPair parse_place(std::string_view text);                                                // "0,64"
std::optional<std::uint64_t> parse_seed(std::string_view text);                              // nothing for "random"
std::string parse_device(std::string_view text);                                             // auto, cpu, cuda, cuda:N
std::vector<std::string> parse_devices(std::string_view text);                               // "cuda:0,cuda:1", "all"
std::string parse_file_name(std::string_view text, std::string_view extension);              // "a/x.png" for ".png"
std::pair<std::size_t, std::size_t> parse_shard(std::string_view text);                      // "3/8": 0 ... 7 of 8
std::size_t parse_choice(std::string_view text, std::span<const std::string_view> choices);  // its index

template <class Value, std::size_t kSize>
Value parse_choice(std::string_view text, const Choices<Value, kSize>& choices) {
  return choices.values[parse_choice(text, choices.names)];
}

// "; did you mean 'x'?", or nothing if no candidate is near.
std::string suggestion(std::string_view word, std::span<const std::string_view> candidates);

// "a, b or c"
std::string list_of(std::span<const std::string_view> words);

}  // namespace txt2img::cli
