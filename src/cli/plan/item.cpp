#include "plan/item.h"

#include <algorithm>

#include "options/option_table.h"
#include "plan/follow.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"
#include "txt2img/record.h"

namespace txt2img::cli {
namespace {

constexpr std::size_t kRecentMax = 16;
constexpr std::size_t kPicturesMax = 10'000'000;

}  // namespace

ItemMaker::ItemMaker(const Request& defaults, const Bundle& bundle) : defaults_(defaults), bundle_(&bundle) {
  if (defaults.asks(&Settings::seed)) run_seed_ = defaults.settings().seed;
  defaults_.forget(&Settings::seed);
}

Item ItemMaker::make(PromptRow row) {
  Request request = defaults_;
  notes_.clear();
  apply_all(row.settings, request);
  if (row.foreign) follow_foreign(*row.foreign, row.prompt, request);
  const bool has_seed =
      std::ranges::find(row.settings, find_option("seed"), &Assignment::option) != row.settings.end() ||
      (row.foreign && foreign::has(*row.foreign, "seed"));

  Settings settings{.prompt = std::move(row.prompt)};
  if (request.asks(&Settings::seed))
    settings.seed = request.settings().seed;
  else
    settings.seed = has_seed ? draw_seed(request.count) : run_seed(request.count);
  check_pictures(settings, request.count);
  if (pictures_ + static_cast<std::size_t>(request.count) > kPicturesMax) {
    throw Error(ExitCode::kUsage, format_text("more than {} pictures; draw them in several runs", kPicturesMax));
  }
  const std::size_t first = pictures_;
  const std::size_t style = style_of(request);
  pictures_ += static_cast<std::size_t>(request.count);
  return {.prompt = std::move(settings.prompt),
          .seed = settings.seed,
          .count = request.count,
          .number = items_++,
          .style = style,
          .first = first,
          .line = row.line,
          .file = row.file,
          .id = std::move(row.id),
          .output = std::move(row.output),
          .passed = std::move(row.passed)};
}

void ItemMaker::follow_foreign(const foreign::Request& other, std::string_view prompt, Request& request) {
  notes_.push_back(introduction(other));
  if (prompt.find('\n') != std::string_view::npos)
    notes_.emplace_back("the lines above the settings are one prompt; blank lines separate requests");
  for (std::string& note : follow(other, {}, *bundle_, request)) notes_.push_back(std::move(note));
}

std::uint64_t ItemMaker::run_seed(int count) {
  if (!run_seed_) run_seed_ = draw_seed(count);
  return *run_seed_;
}

std::size_t ItemMaker::style_of(const Request& asked) {
  Request request = asked;
  request.ask(&Settings::seed, 0);
  request.count = 1;
  const auto known = std::ranges::find(recent_, request, &std::pair<Request, std::size_t>::first);
  if (known != recent_.end()) return known->second;
  const std::size_t style = settle_style(request);
  if (recent_.size() < kRecentMax) {
    recent_.emplace_back(std::move(request), style);
  } else {
    recent_[oldest_] = {std::move(request), style};
    oldest_ = (oldest_ + 1) % kRecentMax;
  }
  return style;
}

std::size_t ItemMaker::settle_style(const Request& request) {
  Settings settings = settle(request, *bundle_);
  const auto [entry, is_new] = style_by_text_.try_emplace(settings_json(settings), styles_.size());
  if (is_new) styles_.push_back(std::move(settings));
  return entry->second;
}

}  // namespace txt2img::cli
