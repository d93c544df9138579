#include "options/option_values.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <ranges>
#include <system_error>

#include "txt2img/ascii.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"
#include "txt2img/nearest_name.h"
#include "txt2img/request.h"

namespace txt2img::cli {
namespace {

[[noreturn]] void refuse(std::string_view text, const std::string& expected) {
  throw Error(ExitCode::kUsage, format_text("'{}' is not {}", text, expected));
}

// The whole text as a T, or the error of the part that went wrong.
template <typename T>
std::errc parse_whole(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return error;
  return end == text.data() + text.size() ? std::errc{} : std::errc::invalid_argument;
}

PixelPair parse_pair(std::string_view text, char between, const std::string& expected) {
  PixelPair pair;
  const std::size_t middle = text.find(between);
  if (middle == std::string_view::npos || parse_whole(text.substr(0, middle), pair.first) != std::errc{} ||
      parse_whole(text.substr(middle + 1), pair.second) != std::errc{}) {
    refuse(text, expected);
  }
  return pair;
}

}  // namespace

int parse_integer(std::string_view text) {
  return parse_integer(text, std::numeric_limits<int>::min(), std::numeric_limits<int>::max());
}

int parse_integer(std::string_view text, int min, int max) {
  int value = 0;
  const std::errc error = parse_whole(text, value);
  if (error == std::errc::invalid_argument) refuse(text, "a whole number");
  if (error != std::errc{} || value < min || value > max) {
    refuse(text, format_text("in the range {} ... {}", min, max));
  }
  return value;
}

double parse_real(std::string_view text) {
  double value = 0;
  const std::errc error = parse_whole(text, value);
  if (error == std::errc::invalid_argument || !std::isfinite(value)) refuse(text, "a number");
  if (error != std::errc{}) refuse(text, "a number that fits in 64 bits");
  return value;
}

std::vector<double> parse_reals(std::string_view text) {
  std::vector<double> values;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    std::string_view word = text.substr(start, comma - start);
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ')) word.remove_suffix(1);
    values.push_back(parse_real(word));
    start = comma + 1;
  }
  return values;
}

bool parse_switch(std::string_view text) {
  for (const std::string_view yes : {"true", "yes", "on", "1"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"false", "no", "off", "0"}) {
    if (text == no) return false;
  }
  refuse(text, "true or false");
}

PixelPair parse_size(std::string_view text) { return parse_pair(text, 'x', "a size like 640x480"); }

PixelPair parse_place(std::string_view text) { return parse_pair(text, ',', "TOP,LEFT in whole pixels, like 0,64"); }

std::optional<std::uint64_t> parse_seed(std::string_view text) {
  if (text == "random") return std::nullopt;
  std::uint64_t seed = 0;
  if (parse_whole(text, seed) != std::errc{}) {
    refuse(text, format_text("a seed: give a whole number in 0 ... {}, or random", kSeedMax));
  }
  return seed;
}

std::string parse_device(std::string_view text) {
  constexpr std::string_view kPrefix = "cuda:";
  if (text == "auto" || text == "cpu" || text == "cuda") return std::string(text);
  unsigned char index = 0;  // LibTorch counts devices in a signed byte
  if (!text.starts_with(kPrefix) || parse_whole(text.substr(kPrefix.size()), index) != std::errc{} || index > 127) {
    refuse(text, "a device: give auto, cpu, cuda or cuda:N (txt2img --list devices shows them)");
  }
  return std::string(text);
}

std::vector<std::string> parse_devices(std::string_view text) {
  if (text == "all") return {"all"};
  std::vector<std::string> devices;
  if (text.empty()) refuse(text, "a list of devices");
  for (const auto part : std::views::split(text, ',')) {
    std::string device = parse_device({part.begin(), part.end()});
    if (device == "auto") refuse(text, "a list of devices: auto is no part of one");
    if (device == "cuda") device = "cuda:0";
    const bool is_cpu = device == "cpu";
    if (!devices.empty() && is_cpu != (devices.front() == "cpu"))
      refuse(text, "a list of devices of one kind: pictures of CPU and CUDA differ in their last bits");
    if (!is_cpu && std::ranges::find(devices, device) != devices.end())
      refuse(text, "a list of different devices: " + device + " is there twice");
    devices.push_back(std::move(device));
  }
  return devices;
}

std::string parse_file_name(std::string_view text, std::string_view extension) {
  if (lower_case(std::filesystem::path(text).extension().string()) != extension)
    refuse(text, "the name of a file that ends in " + std::string(extension));
  return std::string(text);
}

std::pair<std::size_t, std::size_t> parse_shard(std::string_view text) {
  constexpr std::size_t kCountMax = 1'000'000;
  std::pair<std::size_t, std::size_t> shard;
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || parse_whole(text.substr(0, slash), shard.first) != std::errc{} ||
      parse_whole(text.substr(slash + 1), shard.second) != std::errc{} || shard.second > kCountMax ||
      shard.first >= shard.second) {
    refuse(text, "a shard: give I/N with I from 0 to N-1, as in 0/8 ... 7/8");
  }
  return shard;
}

std::size_t parse_choice(std::string_view text, std::span<const std::string_view> choices) {
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (text == choices[i]) return i;
  }
  refuse(text, "one of " + list_of(choices) + suggestion(text, choices));
}

std::string suggestion(std::string_view word, std::span<const std::string_view> candidates) {
  const std::string near = nearest_name(word, candidates);
  return near.empty() ? "" : "; did you mean '" + near + "'?";
}

std::string list_of(std::span<const std::string_view> words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

}  // namespace txt2img::cli
