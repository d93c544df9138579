#include "prompts/remarks.h"

#include <utility>

#include "txt2img/format_text.h"
#include "txt2img/json.h"

namespace txt2img::cli {
namespace {

std::string sentence(RemarkKind kind, const std::string& excerpt) {
  switch (kind) {
    case RemarkKind::kComment:
      return "lines that begin with '# ' or '//' are comments and are not drawn, such as " + excerpt +
             "; as a prompt: --prompt \"# ...\"";
    case RemarkKind::kHash: return excerpt + " is drawn as a prompt; a comment begins with '# ' or '//'";
    case RemarkKind::kSyntax:
      return "the text has " + excerpt + ", which other programs read as more than text; it is drawn as text";
    case RemarkKind::kLeftAlone: return "of a folder only the .txt files are read; left alone: " + excerpt;
  }
  return {};
}

}  // namespace

void Remarks::add(RemarkKind kind, const std::string& place, std::string_view excerpt) {
  Entry& entry = entries_.at(static_cast<std::size_t>(kind));
  if (entry.count++ > 0) return;
  entry.place = place;
  entry.excerpt = quote(excerpt);
}

std::vector<std::string> Remarks::take() {
  std::vector<std::string> texts;
  for (std::size_t kind = 0; kind < entries_.size(); ++kind) {
    Entry& entry = entries_.at(kind);
    if (entry.count == 0 || std::exchange(entry.is_said, true)) continue;
    std::string text = entry.place.empty() ? "" : entry.place + ": ";
    text += sentence(static_cast<RemarkKind>(kind), entry.excerpt);
    if (entry.count > 1) text += format_text(" (so are {} more)", entry.count - 1);
    texts.push_back(std::move(text));
  }
  return texts;
}

}  // namespace txt2img::cli
