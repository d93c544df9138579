#include "plan/text_warnings.h"

#include <algorithm>

#include "foreign/syntax.h"
#include "plan/file_names.h"
#include "screen/display_width.h"
#include "txt2img/format_text.h"

namespace txt2img::cli {
namespace {

constexpr std::size_t kCutShown = 10;     // warnings of text that does not fit
constexpr std::size_t kCutColumns = 200;  // of what did not

}  // namespace

void TextWarnings::warn(const Plan& plan) {
  for (; styles_ < plan.styles.size(); ++styles_) warn_of_style(plan, plan.styles[styles_]);
  for (const Item& item : plan.items) {
    const std::string place = item.line == 0 ? "" : plan.place_of(item);
    warn_of_cut(plan, "prompt", item.prompt, place);
    warn_of_syntax(item.prompt, place);
  }
  for (const std::string& text : remarks_->take()) console_->warning(text);
}

void TextWarnings::end() {
  if (cut_ > kCutShown) console_->warning(format_text("and {} more texts are too long", cut_ - kCutShown));
}

void TextWarnings::warn_of_style(const Plan& plan, const Settings& style) {
  size_advice_.warn(style, plan.bundle, *console_);
  if (style.is_guided()) {
    warn_of_syntax(style.negative, "the negative prompt");
    warn_of_cut(plan, "negative prompt", style.negative, "");
  } else if (!style.negative.empty() && !is_negative_useless_) {
    console_->warning("the negative prompt has no effect without guidance; give a --guidance above 1");
    is_negative_useless_ = true;
  }
  if (!style.is_guided() && style.guidance_interval != default_settings().guidance_interval && !is_interval_useless_) {
    console_->warning("the guidance interval has no effect without guidance; give a --guidance above 1");
    is_interval_useless_ = true;
  }
}

void TextWarnings::warn_of_cut(const Plan& plan, std::string_view which, const std::string& text,
                               const std::string& place) {
  const std::string cut = plan.tokenizers->encode(text).cut;
  if (cut.empty() || ++cut_ > kCutShown) return;
  console_->warning(format_text("{}the {} is longer than the model can read; not used: \"{}\"",
                                place.empty() ? "" : place + ": ", which, fit_to_width(cut, kCutColumns)));
}

void TextWarnings::warn_of_syntax(const std::string& text, const std::string& place) {
  const std::string_view piece = find_foreign_syntax(text);
  if (!piece.empty()) remarks_->add(RemarkKind::kSyntax, place, piece);
}

void warn_of_changed_names(const Plan& plan, Console& console) {
  const auto is_changed = [](const Item& item) {
    return item.prompt.find('_') != std::string::npos || plain_name(item.prompt, kPlainNameMax) != item.prompt;
  };
  const auto changed = std::ranges::count_if(plan.items, is_changed);
  if (changed == 0) return;
  console.warning(std::to_string(changed) +
                  " prompts are too long for a file name or have characters it cannot have; T2I-CompBench's "
                  "evaluators, which read the prompt there, will see another");
}

}  // namespace txt2img::cli
