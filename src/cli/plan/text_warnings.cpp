#include "plan/text_warnings.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "foreign/syntax.h"
#include "plan/file_names.h"
#include "plan/size_advice.h"
#include "screen/display_width.h"
#include "txt2img/format_text.h"

namespace txt2img::cli {
namespace {

constexpr std::size_t kCutShown = 10;     // warnings of text that does not fit
constexpr std::size_t kCutColumns = 200;  // of what did not

class TextWarnings {
 public:
  TextWarnings(const Plan& plan, Remarks& remarks, Console& console)
      : plan_(&plan), remarks_(&remarks), console_(&console) {}

  void warn() {
    for (const Settings& style : plan_->styles) check_style(style);
    for (const Item& item : plan_->items) {
      const std::string place = item.line == 0 ? "" : plan_->place_of(item);
      warn_of_cut("prompt", item.prompt, place);
      warn_of_syntax(item.prompt, place);
    }
    for (const std::string& text : remarks_->take()) console_->warning(text);
    if (cut_ > kCutShown) console_->warning(format_text("and {} more texts are too long", cut_ - kCutShown));
  }

 private:
  void warn_of_syntax(const std::string& text, const std::string& place) {
    const std::string_view piece = find_foreign_syntax(text);
    if (!piece.empty()) remarks_->add(RemarkKind::kSyntax, place, piece);
  }

  void check_style(const Settings& style) {
    size_advice_.warn(style, plan_->bundle, *console_);
    if (style.is_guided()) warn_of_syntax(style.negative, "the negative prompt");
    if (style.is_guided()) {
      warn_of_cut("negative prompt", style.negative, "");
    } else if (!style.negative.empty() && !is_negative_useless_) {
      console_->warning("the negative prompt has no effect without guidance; give a --guidance above 1");
      is_negative_useless_ = true;
    }
  }

  void warn_of_cut(std::string_view which, const std::string& text, const std::string& place) {
    const std::string cut = plan_->tokenizers->encode(text).cut;
    if (cut.empty() || ++cut_ > kCutShown) return;
    console_->warning(format_text("{}the {} is longer than the model can read; not used: \"{}\"",
                                  place.empty() ? "" : place + ": ", which, fit_to_width(cut, kCutColumns)));
  }

  const Plan* plan_;
  Remarks* remarks_;
  Console* console_;
  SizeAdvice size_advice_;
  std::size_t cut_ = 0;               // texts that do not fit
  bool is_negative_useless_ = false;  // and that was said
};

}  // namespace

void warn_of_texts(const Plan& plan, Remarks& remarks, Console& console) {
  TextWarnings(plan, remarks, console).warn();
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
