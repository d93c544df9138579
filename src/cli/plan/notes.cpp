#include "plan/notes.h"

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
    const std::string more = entry.count > 1 ? " (and " + std::to_string(entry.count - 1) + " more)" : "";
    console.warning(entry.place + ": " + entry.note + more);
  }
  if (left_out_ > 0) console.warning("and " + std::to_string(left_out_) + " more warnings of this kind");
}

}  // namespace txt2img::cli
