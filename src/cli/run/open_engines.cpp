#include "run/open_engines.h"

#include <chrono>
#include <string>

#include "run/engine_loader.h"
#include "screen/signals.h"
#include "txt2img/engine_library.h"
#include "txt2img/format_text.h"
#include "txt2img/names.h"

namespace txt2img::cli {

std::vector<std::unique_ptr<Engine>> open_engines(const RunOptions& options, const Bundle& bundle, Console& console,
                                                  Reporter& reporter) {
  using Clock = std::chrono::steady_clock;
  reporter.start_loading(bundle.name, size_of(bundle));
  verify_files(bundle, options.verify_model);
  const Clock::time_point start = Clock::now();
  std::vector<std::unique_ptr<Engine>> engines;
  for (const EngineOptions& of_device : engines_of(options.drawing.engine, options.drawing.devices)) {
    const EngineFacts facts = engines.emplace_back(open_engine(bundle, of_device))->facts();
    console.note(format_text("model {}, {} on {} ({}), LibTorch {}", bundle.folder.string(), name_of(facts.precision),
                             facts.device.name, facts.device.description, engine_library().torch_version));
  }
  reporter.end_loading(std::chrono::duration<double>(Clock::now() - start).count());
  defer_signals();
  return engines;
}

}  // namespace txt2img::cli
