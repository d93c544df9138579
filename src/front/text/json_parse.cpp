// parse_json: what the library's parser lets through and we do not.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "txt2img/error.h"
#include "txt2img/format_text.h"
#include "txt2img/json.h"

namespace txt2img {
namespace {

using nlohmann::json;

[[noreturn]] void fail(const JsonSource& source, const std::string& problem) {
  throw Error(ExitCode::kBadData, format_text("{}: {}; {}", source.name, problem, source.remedy));
}

std::string position(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 == 0
  const std::string column = "column " + std::to_string(std::max<std::size_t>(before.size() - line_start, 1));
  return line == 1 ? column : format_text("line {}, {}", line, column);
}

// "[json...] parse error at line 1, column 3: syntax error while parsing value - REASON; last read: '...'; ..."
std::string reason(std::string_view what) {
  const std::size_t dash = what.find(" - ");
  if (dash == std::string_view::npos) return "syntax error";
  what.remove_prefix(dash + 3);
  return std::string(what.substr(0, what.find("; last read")));
}

// Sees keys and nesting while the parser works, before it has built what would be too deep to take apart again.
class Watch {
 public:
  explicit Watch(const JsonSource& source) : source_(&source) {}

  void see(int depth, json::parse_event_t event, const json& parsed) {
    using Event = json::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) check_depth(depth);
    if (event == Event::object_start) objects_.emplace_back();
    if (event == Event::object_end) objects_.pop_back();
    if (event == Event::key) add_key(parsed.get_ref<const std::string&>());
  }

 private:
  struct Object {
    std::set<std::string> keys;
    std::string last;
  };

  void check_depth(int depth) const {
    if (depth < kJsonDepthMax) return;
    fail(*source_, format_text("nested more than {} deep", kJsonDepthMax));
  }

  void add_key(const std::string& key) {
    Object& object = objects_.back();
    object.last = key;
    if (object.keys.insert(key).second) return;
    std::string path;
    for (const Object& outer : objects_) path += (path.empty() ? "" : ".") + outer.last;
    fail(*source_, "the key " + quote(path) + " is there twice");
  }

  const JsonSource* source_;
  std::vector<Object> objects_;
};

}  // namespace

json parse_json(std::string_view text, const JsonSource& source, std::size_t max_bytes) {
  if (text.size() > max_bytes) fail(source, format_text("has more than {} bytes", max_bytes));
  // The library takes a zero byte for the end of the text.
  if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos) {
    fail(source, "not JSON, it has a zero byte at " + position(text, zero + 1));
  }
  try {
    Watch watch(source);
    return json::parse(text, [&watch](int depth, json::parse_event_t event, const json& parsed) {
      watch.see(depth, event, parsed);
      return true;
    });
  } catch (const json::parse_error& error) {
    fail(source, format_text("not JSON at {} ({})", position(text, error.byte), reason(error.what())));
  } catch (const json::out_of_range&) {
    fail(source, "has a number that is too large");
  }
}

}  // namespace txt2img
