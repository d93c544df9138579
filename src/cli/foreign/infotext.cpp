#include "foreign/infotext.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "txt2img/ascii.h"

namespace txt2img::cli::foreign {
namespace {

using std::string_view;

struct Pair {
  std::string key;
  std::string value;
};

constexpr string_view kNegative = "Negative prompt:";
constexpr string_view kBlank = " \t\r\v\f";

string_view trimmed(string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

bool is_same(string_view one, string_view other) { return lower_case(one) == lower_case(other); }

bool begins_with(string_view text, string_view start) { return is_same(text.substr(0, start.size()), start); }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_key(string_view text) {
  constexpr std::size_t kLongest = 60;
  const auto is_part = [](char c) {
    return is_digit(c) || (lower_case(c) >= 'a' && lower_case(c) <= 'z') ||
           string_view(" -_/()+.").find(c) != string_view::npos;
  };
  return text.size() > 1 && text.size() <= kLongest && std::ranges::all_of(text, is_part);
}

// Past a quoted text, whose escapes are those of JSON.
std::size_t end_of_quote(string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) at += text[at] == '\\' ? 1 : 0;
  return std::min(at + 1, text.size());
}

// Past a list or object, as Civitai writes them without quotes; npos if it is not closed.
std::size_t end_of_json(string_view text) {
  std::size_t depth = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '"') at = end_of_quote(text, at) - 1;
    if (at >= text.size()) break;
    if (text[at] == '[' || text[at] == '{') ++depth;
    if ((text[at] == ']' || text[at] == '}') && --depth == 0) return at + 1;
  }
  return string_view::npos;
}

// Past a value and what follows it up to the next comma.
std::size_t end_of_value(string_view text) {
  std::size_t end = 0;
  if (text.starts_with('"')) end = end_of_quote(text, 0);
  if (text.starts_with('[') || text.starts_with('{')) end = end_of_json(text);
  return std::min(text.find(',', std::min(end, text.size())), text.size());
}

std::string unquoted(string_view value) {
  if (value.size() < 2 || !value.starts_with('"') || !value.ends_with('"')) return std::string(value);
  const nlohmann::json text = nlohmann::json::parse(value, nullptr, false);
  return text.is_string() ? text.get<std::string>() : std::string(value.substr(1, value.size() - 2));
}

// "20", "7.5", "512x768": with nothing after a comma.
bool is_plain_number(string_view value) { return value.find_first_not_of("0123456789.x") == string_view::npos; }

std::vector<Pair> split_pairs(string_view line) {
  std::vector<Pair> pairs;
  while (!(line = trimmed(line)).empty()) {
    const std::size_t colon = line.substr(0, line.find(',')).find(':');
    const string_view key = trimmed(line.substr(0, colon));
    const bool has_key = colon != string_view::npos && is_key(key);
    const string_view value = has_key ? trimmed(line.substr(colon + 1)) : line;
    const std::size_t end = end_of_value(value);
    if (has_key)
      pairs.push_back({std::string(key), unquoted(trimmed(value.substr(0, end)))});
    else if (!pairs.empty() && is_plain_number(pairs.back().value))
      pairs.push_back({std::string(trimmed(value.substr(0, end))), {}});
    else if (!pairs.empty())
      pairs.back().value += ", " + std::string(trimmed(value.substr(0, end)));  // a value with a comma and no quotes
    else
      return {};
    line = value.substr(std::min(end + 1, value.size()));
  }
  return pairs;
}

// Names that tell a line of settings from a prompt that has colons too.
constexpr auto kTelling =
    std::to_array<string_view>({"Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "Model", "Model hash",
                                "Clip skip", "VAE", "VAE hash", "RNG", "Denoising strength", "ENSD", "Version"});

// What says something of the run or the program, not of the picture.
constexpr auto kIdle = std::to_array<string_view>({"Version", "App", "Created Date", "User", "Parser", "Backend",
                                                   "Operations", "Batch", "Batch pos", "Civitai metadata"});

bool is_among(std::span<const string_view> names, string_view key) {
  return std::ranges::any_of(names, [key](string_view name) { return is_same(name, key); });
}

// What "Automatic" stands for where it is not the model's own spacing: sd_samplers_kdiffusion.py of the web UI.
struct Automatic {
  string_view sampler;  // ours
  string_view schedule;
};
constexpr auto kAutomatic = std::to_array<Automatic>({{"dpmpp_2m", "karras"},
                                                      {"dpmpp_sde", "karras"},
                                                      {"dpmpp_2m_sde", "exponential"},
                                                      {"dpm2", "karras"},
                                                      {"dpm2_a", "karras"}});

std::string automatic_schedule(const Request& request) {
  const auto sampler = std::ranges::find(request.settings, string_view("sampler"), &Setting::option);
  if (sampler == request.settings.end()) return "model";
  const auto* const row = std::ranges::find(kAutomatic, string_view(sampler->value), &Automatic::sampler);
  return row == kAutomatic.end() ? "model" : std::string(row->schedule);
}

std::string value_of(const std::vector<Pair>& pairs, string_view key) {
  const auto found = std::ranges::find_if(pairs, [key](const Pair& pair) { return is_same(pair.key, key); });
  return found == pairs.end() ? "" : found->value;
}

bool is_of_web_ui(string_view version) {
  return version.size() > 1 && (version[0] == 'v' || version[0] == 'f') && is_digit(version[1]);
}

std::string program_of(const std::vector<Pair>& pairs) {
  const std::string version = value_of(pairs, "Version");
  const std::string app = value_of(pairs, "App");
  if (!app.empty()) return app + (version.empty() ? "" : " " + version);
  if (is_of_web_ui(version)) return (version[0] == 'f' ? "Forge " : "AUTOMATIC1111 ") + version;
  if (!value_of(pairs, "Civitai resources").empty()) return "Civitai";
  return version.empty() ? "AUTOMATIC1111 or a program that writes as it does" : version;
}

// The schedules of these programs that are called otherwise here than among schedules in general.
std::string schedule_of(const Request& request, const std::string& label) {
  if (is_same(label, "Automatic")) return automatic_schedule(request);
  return is_same(label, "DDIM") ? "leading" : label;
}

void take_pair(Request& request, const Pair& pair) {
  const bool is_own_sampler = is_same(pair.key, "Sampler") && is_same(pair.value, "Default");
  if (is_own_sampler || is_among(kIdle, pair.key))
    add_idle(request, pair.key, pair.value);
  else if (is_same(pair.key, "Schedule type"))
    add(request, {"schedule", schedule_of(request, pair.value), pair.key});
  else
    take(request, pair.key, pair.value);
}

// The noise of a graphics card is another one; the web UI says so only where it is not the default.
void take_noise(Request& request, const std::vector<Pair>& pairs) {
  if (value_of(pairs, "RNG").empty() && is_of_web_ui(value_of(pairs, "Version")))
    add_leftover(request, "RNG", "GPU, its default");
}

void take_settings(Request& request, string_view line) {
  std::vector<Pair> pairs = split_pairs(line);
  request.program = program_of(pairs);
  // The schedule after the sampler, which may name one too.
  std::ranges::stable_partition(pairs, [](const Pair& pair) { return is_same(pair.key, "Sampler"); });
  for (const Pair& pair : pairs) take_pair(request, pair);
  take_noise(request, pairs);
}

std::vector<string_view> split_lines(string_view text) {
  std::vector<string_view> lines;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  while (!lines.empty() && trimmed(lines.back()).empty()) lines.pop_back();
  return lines;
}

void append_line(std::string& text, string_view line, std::size_t& count) {
  if (count++ > 0) text += '\n';
  text += line;
}

// The web UI takes the blanks off both ends of each line and of the whole.
void take_texts(Request& request, const std::vector<string_view>& lines) {
  std::string negative;
  std::size_t prompt_lines = 0;
  std::size_t negative_lines = 0;
  for (string_view line : lines) {
    line = trimmed(line);
    const bool begins_negative = is_negative_line(line);
    if (begins_negative) line = trimmed(line.substr(kNegative.size()));
    if (begins_negative || negative_lines > 0)
      append_line(negative, line, negative_lines);
    else
      append_line(request.prompt, line, prompt_lines);
  }
  if (negative_lines > 0 || !request.settings.empty()) add(request, {"negative", negative, "Negative prompt"});
}

// "<lora:ink:0.8>", "<hypernet:x:1>": what the web UI takes out of the prompt.
void take_networks(Request& request) {
  const string_view prompt = request.prompt;
  for (std::size_t at = prompt.find('<'); at != string_view::npos; at = prompt.find('<', at + 1)) {
    const string_view tag = prompt.substr(at + 1, prompt.substr(at + 1).find('>'));
    const std::size_t colon = tag.find(':');
    if (colon == string_view::npos || at + 1 + tag.size() >= prompt.size()) continue;
    const string_view kind = tag.substr(0, colon);
    if (kind != "lora" && kind != "lyco" && kind != "hypernet") continue;
    add_leftover(request, kind, std::string(tag.substr(colon + 1)));
  }
}

}  // namespace

bool is_negative_line(string_view line) { return begins_with(trimmed(line), kNegative); }

bool is_infotext_end(string_view line) {
  constexpr std::ptrdiff_t kEnough = 3;
  const std::vector<Pair> pairs = split_pairs(line);
  if (pairs.empty()) return false;
  const auto telling = std::ranges::count_if(pairs, [](const Pair& pair) { return is_among(kTelling, pair.key); });
  const bool begins_with_steps =
      is_same(pairs[0].key, "Steps") && !pairs[0].value.empty() && std::ranges::all_of(pairs[0].value, is_digit);
  return begins_with_steps || telling >= kEnough;
}

std::optional<Request> parse_infotext(string_view text) {
  std::vector<string_view> lines = split_lines(text);
  const bool has_settings = !lines.empty() && is_infotext_end(lines.back());
  if (!has_settings && std::ranges::none_of(lines, is_negative_line)) return std::nullopt;
  Request request{.program = "AUTOMATIC1111 or a program that writes as it does", .prompt = {}};
  if (has_settings) {
    take_settings(request, lines.back());
    lines.pop_back();
  }
  take_texts(request, lines);
  take_networks(request);
  return request;
}

}  // namespace txt2img::cli::foreign
