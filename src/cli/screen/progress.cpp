#include "screen/progress.h"

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "screen/bar.h"
#include "screen/display_width.h"
#include "screen/json_line.h"
#include "screen/terminal.h"
#include "txt2img/format_text.h"
#include "txt2img/utf8.h"

namespace txt2img::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kPromptColumns = 60;
constexpr std::chrono::milliseconds kRedrawAfter{50};
constexpr std::chrono::seconds kSilenceMax{60};                  // in a log
constexpr std::uint64_t kLargeModel = std::uint64_t{256} << 20;  // bytes; smaller ones draw at once

std::string fraction(const std::string& number, std::size_t total) {
  return total == 0 ? number : format_text("{}/{}", number, total);
}

std::string seconds_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, seconds < 10 ? "%.2f s" : "%.1f s", seconds);
  return text;
}

// "[00:36<19:50] ", as the bar of the steps has it for one picture.
std::string whole_run(const Times& times) {
  if (times.remaining < 0) return "";
  return format_text("[{}<{}] ", clock_text(times.elapsed), clock_text(times.remaining));
}

class NoProgress final : public Progress {
 public:
  void start_loading(const std::string& /*model*/, std::uint64_t /*bytes*/) override {}
  void start(const BatchStart& /*batch*/) override {}
  void step(const BatchStart& /*batch*/, int /*done*/, int /*steps*/) override {}
  void finish(const PictureEnd& /*picture*/) override {}
  void skip(const PictureEnd& /*picture*/) override {}
  void fail(const PictureEnd& /*picture*/, const std::string& /*error*/) override {}
  void end(const RunEnd& /*run*/) override {}
};

// A line for each picture.
class PlainProgress final : public Progress {
 public:
  PlainProgress(Console& console, Skipped skipped) : console_(&console), skipped_(skipped) {}

  // In a log nobody knows whether silence is work: large models tell how far they are.
  void start_loading(const std::string& model, std::uint64_t bytes) override {
    is_large_ = bytes >= kLargeModel;
    if (is_large_) console_->remark(format_text("loading {}, {} MiB", model, bytes >> 20));
  }
  void start(const BatchStart& /*batch*/) override {}

  void step(const BatchStart& batch, int done, int steps) override {
    const bool is_first = is_large_ && done <= 1;
    if (done == 1) is_large_ = false;
    if (!is_first && (done == steps || Clock::now() - told_ < kSilenceMax)) return;
    told_ = Clock::now();
    console_->raw_line(
        escape_for_terminal(format_text("{} {}: step {} of {}", fraction(std::to_string(batch.first), batch.total),
                                        fit_to_width(batch.prompt, kPromptColumns), done, steps)));
  }

  void finish(const PictureEnd& picture) override {
    const std::string left = picture.times.remaining < 0 ? "" : ", " + clock_text(picture.times.remaining) + " left";
    line(picture, format_text("(seed {}, {}{})", picture.seed, seconds_text(picture.seconds), left));
  }
  void skip(const PictureEnd& picture) override {
    if (skipped_ == Skipped::kOneByOne) line(picture, "is there already, skipped");
  }
  void fail(const PictureEnd& /*picture*/, const std::string& /*error*/) override {}
  void end(const RunEnd& run) override {
    if (skipped_ == Skipped::kCounted) console_->remark(run.text);
  }

 private:
  void line(const PictureEnd& picture, const std::string& remark) {
    told_ = Clock::now();
    const std::string path = picture.path.empty() ? "standard output" : picture.path.string();
    console_->raw_line(
        escape_for_terminal(format_text("{} {}: {} {}", fraction(std::to_string(picture.number), picture.total),
                                        fit_to_width(picture.prompt, kPromptColumns), path, remark)));
  }

  Console* console_;
  Skipped skipped_;
  bool is_large_ = false;  // and its first step is not done
  Clock::time_point told_ = Clock::now();
};

// A bar for each batch, on the last line of the terminal.
class BarProgress final : public Progress {
 public:
  BarProgress(Console& console, Skipped skipped) : console_(&console), skipped_(skipped), start_(Clock::now()) {}
  ~BarProgress() override { console_->clear_status(); }
  BarProgress(const BarProgress&) = delete;
  BarProgress& operator=(const BarProgress&) = delete;

  void start_loading(const std::string& model, std::uint64_t /*bytes*/) override {
    console_->status(escape_for_terminal("loading " + model + " ..."));
  }

  void start(const BatchStart& batch) override {
    if (!shown_ || shown_ == batch.device) show(batch);
  }

  // Of several devices the bar follows one, until its batch is done.
  void step(const BatchStart& batch, int done, int steps) override {
    const auto now = Clock::now();
    if (!shown_) show(batch);
    if (shown_ != batch.device) return;
    if (done == 0) start_ = now;
    if (done == steps) shown_.reset();
    if (done != 0 && done != steps && now - drawn_ < kRedrawAfter) return;
    drawn_ = now;
    const Bar bar{label_, done, steps, std::chrono::duration<double>(now - start_).count()};
    // The last column stays free: some terminals go to the next line when it is taken.
    console_->status(draw_bar(bar, terminal_columns(Stream::kError) - 1, characters_));
  }

  void finish(const PictureEnd& /*picture*/) override {}
  void skip(const PictureEnd& picture) override {
    if (skipped_ == Skipped::kOneByOne) console_->remark(picture.path.string() + " is there already, skipped");
  }
  void fail(const PictureEnd& /*picture*/, const std::string& /*error*/) override {}
  void end(const RunEnd& run) override { console_->remark(run.text); }

 private:
  void show(const BatchStart& batch) {
    shown_ = batch.device;
    std::string numbers = std::to_string(batch.first);
    if (batch.last > batch.first) numbers += "-" + std::to_string(batch.last);
    label_ = format_text("{} {}{}", fraction(numbers, batch.total), whole_run(batch.times),
                         escape_for_terminal(batch.prompt));
  }

  Console* console_;
  Skipped skipped_;
  std::optional<std::size_t> shown_{};
  BarCharacters characters_ = shows_unicode() ? BarCharacters::kUnicode : BarCharacters::kAscii;
  std::string label_;
  Clock::time_point start_;
  Clock::time_point drawn_;
};

// A JSON object on each line, for programs.
class JsonProgress final : public Progress {
 public:
  explicit JsonProgress(Console& console) : console_(&console) {}

  void start_loading(const std::string& model, std::uint64_t /*bytes*/) override {
    line({{"event", "load"}, {"model", model}});
  }

  void start(const BatchStart& batch) override {
    line({{"event", "start"},
          {"first", batch.first},
          {"last", batch.last},
          {"total", batch.total},
          {"prompt", batch.prompt}});
  }

  void step(const BatchStart& batch, int done, int steps) override {
    line({{"event", "step"}, {"first", batch.first}, {"last", batch.last}, {"step", done}, {"steps", steps}});
  }

  void finish(const PictureEnd& picture) override { picture_line("done", picture, nlohmann::ordered_json::object()); }
  void skip(const PictureEnd& picture) override { picture_line("skipped", picture, nlohmann::ordered_json::object()); }
  void fail(const PictureEnd& picture, const std::string& error) override {
    picture_line("failed", picture, {{"error", error}});
  }
  void end(const RunEnd& run) override {
    line({{"event", "end"},
          {"done", run.counts.done},
          {"skipped", run.counts.skipped},
          {"failed", run.counts.failed},
          {"seconds", run.seconds}});
  }

 private:
  void picture_line(const char* event, const PictureEnd& picture, const nlohmann::ordered_json& more) {
    nlohmann::ordered_json object = {{"event", event},
                                     {"number", picture.number},
                                     {"total", picture.total},
                                     {"path", picture.path.empty() ? "-" : picture.path.string()},
                                     {"seed", picture.seed},
                                     {"seconds", picture.seconds},
                                     {"elapsed", picture.times.elapsed}};
    if (picture.times.remaining >= 0) object["remaining"] = picture.times.remaining;
    object.update(more);
    line(object);
  }

  void line(const nlohmann::ordered_json& object) { console_->raw_line(json_line(object)); }

  Console* console_;
};

}  // namespace

ProgressStyle choose_style(std::optional<ProgressStyle> asked, Verbosity verbosity, bool is_terminal) {
  if (asked && *asked != ProgressStyle::kAuto) return *asked;
  if (verbosity == Verbosity::kQuiet) return ProgressStyle::kNone;
  return is_terminal ? ProgressStyle::kBar : ProgressStyle::kPlain;
}

std::unique_ptr<Progress> make_progress(ProgressStyle style, Skipped skipped, Console& console) {
  switch (style) {
    case ProgressStyle::kBar: return std::make_unique<BarProgress>(console, skipped);
    case ProgressStyle::kPlain: return std::make_unique<PlainProgress>(console, skipped);
    case ProgressStyle::kJson: return std::make_unique<JsonProgress>(console);
    case ProgressStyle::kNone:
    case ProgressStyle::kAuto: break;
  }
  return std::make_unique<NoProgress>();
}

}  // namespace txt2img::cli
