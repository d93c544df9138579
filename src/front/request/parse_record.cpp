// parse_record: a record that came from outside, believed only as far as its types and ranges.
#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <variant>
#include <vector>

#include "bundle/bundle_json.h"
#include "sampling/sampler_options_json.h"
#include "text/json_fields.h"
#include "txt2img/json.h"
#include "txt2img/record.h"

namespace txt2img {
namespace {

constexpr std::size_t kRecordMax = std::size_t{1} << 20;
constexpr std::string_view kFormat = "txt2img-record";
constexpr int kVersion = 1;
constexpr std::array<std::string_view, 2> kDevices = {"cpu", "cuda"};

std::string get_sha256(const JsonObject& object, std::string_view key) {
  std::string text = object.get_string(key);
  const bool is_hex =
      std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (text.size() != 64 || !is_hex) object.fail(key, "is " + quote(text) + ", must be 64 hex digits");
  return text;
}

// The entry of a table that a text names.
template <typename Table>
const auto& get_entry(const JsonObject& object, std::string_view key, const Table& table) {
  std::vector<std::string_view> names;
  for (const auto& entry : table) names.push_back(entry.name);
  return table[object.get_choice(key, names)];
}

// A value of a row, by its type. `row` says the range of numbers.
struct ValueReader {
  const JsonObject& object;
  const SettingInfo& row;

  void operator()(std::string& value) const { value = object.get_string(row.name); }
  void operator()(std::uint64_t& value) const { value = object.get_integer<std::uint64_t>(row.name, 0, kSeedMax); }
  void operator()(int& value) const {
    value = object.get_integer(row.name, static_cast<int>(row.min), static_cast<int>(row.max));
  }
  void operator()(double& value) const { value = object.get_number(row.name, range()); }
  void operator()(SamplerKind& value) const { value = get_entry(object, row.name, samplers()).kind; }
  void operator()(ScheduleKind& value) const { value = get_entry(object, row.name, schedules()).kind; }
  void operator()(std::vector<double>& values) const { values = object.get_numbers(row.name, range()); }
  void operator()(PixelPair& pair) const {
    const std::vector<std::int64_t> numbers =
        object.get_integers(row.name, static_cast<std::int64_t>(row.min), static_cast<std::int64_t>(row.max));
    if (numbers.size() != 2) object.fail(row.name, "has " + std::to_string(numbers.size()) + " numbers, must have two");
    pair = {.first = static_cast<int>(numbers[0]), .second = static_cast<int>(numbers[1])};
  }
  [[nodiscard]] NumberRange range() const { return {.min = row.min, .max = row.max}; }
};

void read_setting(const JsonObject& object, const SettingInfo& row, Settings& settings) {
  if (row.option != nullptr) {
    read_sampler_option(object, *row.option, settings.sampler_options);
    return;
  }
  std::visit(
      [&](auto member) {
        if constexpr (requires(ValueReader read) { read(at(settings, member)); })
          ValueReader{object, row}(at(settings, member));
      },
      row.member);
}

Settings parse_settings(const JsonObject& object) {
  std::vector<std::string_view> keys;
  for (const SettingInfo& row : settings_table()) keys.push_back(row.name);
  object.allow_only(keys);
  Settings settings;
  for (const SettingInfo& row : settings_table()) {
    if (row.recording == Recording::kAlways || object.has(row.name)) read_setting(object, row, settings);
  }
  return settings;
}

Stages parse_stages(const JsonObject& object) {
  Stages stages;
  read_fields(object, {required("ids", stages.ids, get_sha256), required("context", stages.context, get_sha256),
                       required("noise", stages.noise, get_sha256), required("latent", stages.latent, get_sha256),
                       required("pixels", stages.pixels, get_sha256)});
  return stages;
}

std::vector<Retry> get_retries(const JsonObject& root, std::string_view key) {
  std::vector<Retry> retries;
  constexpr std::array kAll = {Retry::kVaeFloat32, Retry::kVaeTiled, Retry::kSmallerBatch};
  for (const std::string& text : root.get_strings(key)) {
    const auto* const found = std::ranges::find(kAll, text, [](Retry retry) { return name_of(retry); });
    if (found == kAll.end()) root.fail(key, "has " + quote(text) + ", which is no retry");
    retries.push_back(*found);
  }
  return retries;
}

// A name or a version: it is shown to people, in one line.
std::string get_word(const JsonObject& object, std::string_view key) {
  constexpr std::size_t kLongest = 200;
  std::string text = object.get_string(key);
  if (text.empty() || text.size() > kLongest) object.fail(key, "must be a text of 1 to 200 bytes");
  return text;
}

// A CPU has threads and instructions, a GPU its name.
Machine parse_machine(const JsonObject& object, const std::string& device) {
  Machine machine;
  const JsonField libtorch = required("libtorch", machine.libtorch, get_word);
  if (device == kDevices[0]) {
    read_fields(object, {libtorch, required("threads", machine.threads, 1, std::numeric_limits<int>::max()),
                         required("instructions", machine.instructions, get_word)});
  } else {
    read_fields(object, {libtorch, required("gpu", machine.gpu, get_word)});
  }
  return machine;
}

std::string get_device(const JsonObject& object, std::string_view key) {
  return std::string(kDevices[object.get_choice(key, kDevices)]);
}

void read_model(const JsonObject& object, Record& record) {
  read_fields(object, {required("name", record.model), required("sha256", record.model_sha256, get_sha256)});
}

// First of all, since nothing is known of the keys of another format or a later version.
void check_format(const JsonObject& root) {
  (void)root.get_choice("format", std::array{kFormat});
  const int version = root.get_integer("version", 1, std::numeric_limits<int>::max());
  if (version == kVersion) return;
  root.fail("version", "is " + std::to_string(version) + ", which a later txt2img wrote, this one reads version " +
                           std::to_string(kVersion));
}

Record parse(const std::string& text, const JsonSource& source) {
  const nlohmann::json document = parse_json(text, source, kRecordMax);
  const JsonObject root(document, source);
  check_format(root);
  Record record;
  const auto read_before = [](const JsonObject&, std::string_view) {};
  read_fields(root, {
                        {"format", read_before},
                        {"version", read_before},
                        {"model", [&](const JsonObject&, auto key) { read_model(root.get_object(key), record); }},
                        required("device", record.device, get_device),
                        optional("machine", record.machine, object_by(parse_machine, record.device)),
                        required("program", record.version),
                        required("job_key", record.job_key, get_sha256),
                        required("settings", record.settings, object_by(parse_settings)),
                        required("dtype", record.precision, get_precision),
                        required("vae_dtype", record.vae_precision, get_precision),
                        optional("levers", record.levers, get_word),
                        required("stages", record.stages, object_by(parse_stages)),
                        optional("retries", record.retries, get_retries),
                    });
  return record;
}

constexpr const char* kRemedy = "use a picture that this version of txt2img or an earlier one wrote";

}  // namespace

Record parse_record(const std::string& json) { return parse(json, {.name = "the record", .remedy = kRemedy}); }

std::optional<Record> read_record(const std::filesystem::path& picture) {
  const std::vector<PngText> texts = read_png_texts(picture);
  const auto found = std::ranges::find(texts, "txt2img", &PngText::keyword);
  if (found == texts.end()) return std::nullopt;
  return parse(found->text, {.name = "the record in " + picture.string(), .remedy = kRemedy});
}

}  // namespace txt2img
