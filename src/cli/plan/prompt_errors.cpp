#include "plan/prompt_errors.h"

#include "txt2img/error.h"
#include "txt2img/format_text.h"

namespace txt2img::cli {
namespace {

constexpr std::size_t kShownMax = 50;

}  // namespace

void PromptErrors::add(const std::string& message) {
  ++count_;
  if (shown_.size() < kShownMax) shown_.push_back(message);
}

void PromptErrors::check(const std::string& file, Console& console) const {
  if (count_ == 0) return;
  if (count_ == 1) throw Error(ExitCode::kBadData, shown_.front());
  for (const std::string& message : shown_) console.error(Error(ExitCode::kBadData, message));
  const std::string more = count_ > shown_.size() ? format_text(", the first {} are listed", shown_.size()) : "";
  throw Error(ExitCode::kBadData, format_text("{}: {} errors{}; nothing was drawn", file, count_, more));
}

}  // namespace txt2img::cli
