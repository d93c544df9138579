#include "info/check.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>

#include "run/engine_loader.h"
#include "screen/json_line.h"
#include "screen/standard_output.h"
#include "txt2img/bundle.h"
#include "txt2img/engine_library.h"
#include "txt2img/format_text.h"
#include "txt2img/request.h"
#include "txt2img/tokenizer.h"

namespace txt2img::cli {
namespace {

constexpr std::uint64_t kSeed = 1;
constexpr const char* kSentence = "a photo of a red apple on a table";

// Rows of the report, as they come.
class Report {
 public:
  Report(const CheckModel& command, Console& console) : format_(command.format), results_(console) {
    StandardOutput::check();
  }

  // Runs one test, which returns what it found.
  void test(const std::string& subject, const std::function<std::string()>& test) {
    try {
      row(subject, "ok", test());
    } catch (const Error& error) {
      row(subject, "failed", error.what());
      if (!failure_) failure_ = error;
    }
    ++tests_;
  }

  // Throws what failed first, if something did.
  void stop_if_failed() const {
    if (failure_) throw Error(*failure_);
  }

  void end(const std::string& model) {
    if (format_ == ResultFormat::kJson) return;
    results_.line(format_text("{} is sound: {} tests passed", model, tests_));
  }

 private:
  void row(const std::string& subject, const std::string& status, const std::string& finding) {
    if (format_ == ResultFormat::kJson) {
      results_.line(json_line({{"test", subject}, {"status", status}, {"finding", finding}}));
      return;
    }
    constexpr std::size_t kSubjectColumns = 26;
    std::string line = status == "ok" ? "ok      " : "FAILED  ";
    line += format_text("{}{}  {}", subject,
                        std::string(kSubjectColumns - std::min(kSubjectColumns, subject.size()), ' '), finding);
    results_.line(line);
  }

  ResultFormat format_;
  StandardOutput results_;
  std::optional<Error> failure_;
  std::size_t tests_ = 0;
};

// "3.3 MiB"
std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array<const char*, 4> kUnits = {"bytes", "KiB", "MiB", "GiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  std::array<char, 32> text{};
  const int length = std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return {text.data(), static_cast<std::size_t>(length)};
}

std::string describe(const Bundle& bundle) {
  std::uint64_t bytes = 0;
  for (const auto& [name, entry] : bundle.files) bytes += entry.bytes;
  return format_text("{}{}, {}x{}, {} in {}", bundle.name, bundle.family.empty() ? "" : ", family " + bundle.family,
                     bundle.defaults.width, bundle.defaults.height, bytes_text(bytes), bundle.folder.string());
}

std::string check_tokenizers(const Bundle& bundle) {
  const Tokenizers tokenizers(bundle);
  const TextTokens empty = tokenizers.encode("");
  const TextTokens tokens = tokenizers.encode(kSentence);
  std::string counts;
  for (std::size_t i = 0; i < tokens.ids.size(); ++i) {
    if (tokens.ids[i].size() <= empty.ids[i].size()) {
      throw Error(ExitCode::kBadData,
                  format_text("a sentence becomes {} tokens, as many as no text at all", tokens.ids[i].size()));
    }
    counts += format_text("{}{} tokens of at most {}", i == 0 ? "" : " and ", tokens.ids[i].size(),
                          bundle.tokenizers[i].length);
  }
  return "a sentence becomes " + counts;
}

// NaN is nobody's fault elsewhere; here it is the model that is wrong.
Picture draw_first(Engine& engine, const PictureInput& input) {
  try {
    return draw_one(engine, input, {});
  } catch (const Error& error) {
    if (error.code() != ExitCode::kInternal) throw;
    throw Error(ExitCode::kBadData, error.what(), error.detail());
  }
}

std::string check_picture(const Bundle& bundle, const EngineOptions& options) {
  Request request;
  request.ask(&Settings::prompt, kSentence).ask(&Settings::seed, kSeed);
  (void)settle(request, bundle);                     // the model's defaults go together
  request.ask(&Settings::steps, 1).ask_options({});  // some of the model's need more steps
  const Settings settings = settle(request, bundle);
  const std::unique_ptr<Engine> engine = open_engine(bundle, options);
  const Picture picture = draw_first(*engine, make_input(settings, Tokenizers(bundle)));
  const auto [darkest, brightest] = std::ranges::minmax(picture.image.rgb);
  if (darkest == brightest)
    throw Error(ExitCode::kBadData, "every pixel of a picture is the same; the modules do not fit together");
  return format_text("{}x{} in one step on {}, values {} ... {}", picture.image.width, picture.image.height,
                     engine->facts().device.name, darkest, brightest);
}

std::string check_module(const Bundle& bundle, const EngineOptions& options, ModuleKind kind) {
  const ModuleReport report = engine_library().try_module(bundle, options, kind);
  return format_text("{} weights in {}, {}", report.parameters, report.dtype, report.call);
}

void check_modules(const Bundle& bundle, const EngineOptions& options, Report& report) {
  const auto check = [&](const std::string& subject, ModuleKind kind) {
    report.test(subject, [&] { return check_module(bundle, options, kind); });
  };
  check("text encoder", ModuleKind::kTextEncoder);
  check("unet", ModuleKind::kUnet);
  check("vae decoder", ModuleKind::kVaeDecoder);
  if (bundle.vae.encoder) check("vae encoder", ModuleKind::kVaeEncoder);
}

}  // namespace

ExitCode check_model(const CheckModel& command, Console& console) {
  const std::filesystem::path folder = find_bundle(command.model);
  Report report(command, console);
  Bundle bundle;
  report.test("model.json", [&] {
    bundle = read_bundle(folder);
    return describe(bundle);
  });
  report.stop_if_failed();
  for (const auto& [name, entry] : bundle.files) {
    report.test(name, [&, &file = name, &size = entry.bytes] {
      verify_files(bundle, VerifyModel::kAlways, {file});
      return bytes_text(size) + ", SHA-256 as in model.json";
    });
  }
  report.stop_if_failed();  // nothing is opened whose hash is not right
  report.test("tokenizer", [&] { return check_tokenizers(bundle); });
  check_modules(bundle, command.engine, report);
  report.stop_if_failed();
  report.test("picture", [&] { return check_picture(bundle, command.engine); });
  report.stop_if_failed();
  report.end(bundle.name);
  return ExitCode::kDone;
}

}  // namespace txt2img::cli
