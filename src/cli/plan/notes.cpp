#include "plan/notes.h"

#include "txt2img/format_text.h"

namespace txt2img::cli {
namespace {

constexpr std::size_t kShownMax = 20;

}  // namespace

void Notes::add(const std::string& place, const std::string& note) {
  const auto known = entry_of_.find(note);
  if (known != entry_of_.end()) {
    ++entries_[known->second].count;
  } else if (entries_.size() == kShownMax) {
    ++left_out_;
  } else {
    entry_of_.emplace(note, entries_.size());
    entries_.push_back({.place = place, .note = note});
  }
}

void Notes::tell(Console& console) const {
  for (const Entry& entry : entries_) {
    const std::string more = entry.count > 1 ? format_text(" (and {} more)", entry.count - 1) : "";
    console.warning(format_text("{}: {}{}", entry.place, entry.note, more));
  }
  if (left_out_ > 0) console.warning(format_text("and {} more warnings of this kind", left_out_));
}

}  // namespace txt2img::cli
