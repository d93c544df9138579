#include "options/option_setters.h"

#include "options/home_path.h"
#include "txt2img/error.h"

namespace txt2img::cli {

void choose_action(Options& options, Action action) {
  if (options.action != Action::kDraw && options.action != action) {
    throw Error(ExitCode::kUsage,
                "two different things to do; give one of --dry-run, --verify, --show, --list, --check");
  }
  options.action = action;
}

void set_output(Options& options, std::string_view text) {
  if (text.empty())
    throw Error(ExitCode::kUsage, "the output has an empty name; leave -o out for a name made of the prompt");
  options.output = expand_home(text);
}

void set_device(Options& options, std::string_view text) {
  options.engine.device = parse_device(text);
  options.devices.clear();
}

void set_devices(Options& options, std::string_view text) {
  options.devices = parse_devices(text);
  options.engine.device = options.devices.front() == "cpu" ? "cpu" : "cuda";
}

}  // namespace txt2img::cli
