#include "prompts/text_blocks.h"

#include <algorithm>
#include <utility>

#include "foreign/infotext.h"

namespace txt2img::cli {
namespace {

bool is_blank(const Line& line) { return line.text.find_first_not_of(" \t\r\v\f") == std::string::npos; }

}  // namespace

bool is_comment(std::string_view line) {
  return line.starts_with("//") || line == "#" || line.starts_with("# ") || line.starts_with("##") ||
         line.starts_with("#!");
}

void TextBlocks::fill() {
  is_whole_ = is_complete_;
  is_complete_ = false;
  std::size_t size = 0;
  while (paragraph_.size() + comments_.size() < kBlockMax && size < kLineMax) {
    std::optional<Line> line = lines_->next();
    is_complete_ = !line || is_blank(*line);
    if (is_complete_ && (!line || !paragraph_.empty())) return;
    if (is_complete_) continue;
    if (is_comment(line->text)) {
      comments_.push_back(*std::move(line));
      continue;
    }
    size += line->text.size();
    Kind kind = Kind::kPlain;
    if (foreign::is_negative_line(line->text)) kind = Kind::kNegative;
    if (foreign::is_infotext_end(line->text)) kind = Kind::kEnd;
    paragraph_.push_back({.line = *std::move(line), .kind = kind});
  }
  is_complete_ = paragraph_.empty();
}

// Up to its line of settings; all of a paragraph that has none, but a negative prompt.
std::size_t TextBlocks::size_of_block() const {
  if (!is_whole_) return 1;
  const auto end = std::ranges::find(paragraph_, Kind::kEnd, &Entry::kind);
  if (end != paragraph_.end()) return static_cast<std::size_t>(end - paragraph_.begin()) + 1;
  const bool has_negative = std::ranges::find(paragraph_, Kind::kNegative, &Entry::kind) != paragraph_.end();
  return has_negative ? paragraph_.size() : 1;
}

Line TextBlocks::take(std::size_t count) {
  Line block = std::move(paragraph_.front().line);
  paragraph_.pop_front();
  for (; count > 1; --count) {
    block.text += '\n' + paragraph_.front().line.text;
    block.is_too_long = block.is_too_long || paragraph_.front().line.is_too_long;
    paragraph_.pop_front();
  }
  return block;
}

std::optional<Line> TextBlocks::next() {
  if (paragraph_.empty() && comments_.empty()) fill();
  if (!comments_.empty()) {
    Line comment = std::move(comments_.front());
    comments_.pop_front();
    return comment;
  }
  if (paragraph_.empty()) return std::nullopt;
  return take(size_of_block());
}

}  // namespace txt2img::cli
