#include "text/json_fields.h"

namespace txt2img {

void read_fields(const JsonObject& object, std::span<const JsonField> fields) {
  std::vector<std::string_view> keys;
  for (const JsonField& field : fields) keys.push_back(field.key);
  object.allow_only(keys);
  for (const JsonField& field : fields) {
    if (field.presence == Presence::kRequired || object.has(field.key)) field.read(object, field.key);
  }
}

}  // namespace txt2img
