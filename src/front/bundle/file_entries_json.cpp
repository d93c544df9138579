#include "bundle/file_entries_json.h"

#include <algorithm>
#include <filesystem>
#include <limits>

#include "text/json_fields.h"
#include "txt2img/ascii.h"

namespace txt2img {
namespace {

bool is_inner_name(const std::string& name) {
  const std::filesystem::path path(name);
  const bool is_plain = !name.empty() && path.is_relative() && path.lexically_normal().generic_string() == name;
  return is_plain && name != "." && *path.begin() != ".." && path.has_filename() &&
         name.find('\\') == std::string::npos && std::ranges::none_of(name, is_control);
}

std::string get_digest(const JsonObject& entry, std::string_view key) {
  std::string digest = entry.get_string(key);
  if (digest.size() != 64 || digest.find_first_not_of("0123456789abcdef") != std::string::npos) {
    entry.fail(key, "is " + quote(digest) + ", must be 64 hex digits, lower case");
  }
  return digest;
}

}  // namespace

std::map<std::string, FileEntry> parse_files(const JsonObject& files) {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  std::map<std::string, FileEntry> entries;
  for (const std::string& name : files.keys()) {
    if (!is_inner_name(name)) files.fail(name, "is not the plain relative name of a file within the folder");
    FileEntry& entry = entries[name];
    read_fields(files.get_object(name), {
                                            required("bytes", entry.bytes, 0, kMax),
                                            required("sha256", entry.sha256, get_digest),
                                        });
  }
  return entries;
}

std::string get_file(const JsonObject& object, std::string_view key, const Bundle& bundle) {
  std::string name = object.get_string(key);
  if (!bundle.files.contains(name)) object.fail(key, "is " + quote(name) + ", which 'files' does not list");
  return name;
}

}  // namespace txt2img
