#include "options/option_setters.h"

#include <string>

#include "options/home_path.h"
#include "txt2img/error.h"
#include "txt2img/names.h"

namespace txt2img::cli {

void choose_action(Options& options, Action action) {
  if (options.action != Action::kDraw && options.action != action) {
    throw Error(ExitCode::kUsage,
                "two different things to do; give one of --dry-run, --verify, --show, --list, --check");
  }
  options.action = action;
}

void set_size(Options& options, std::string_view text) {
  const Size size = parse_size(text);
  options.request.width = size.width;
  options.request.height = size.height;
}

void set_original_size(Options& options, std::string_view text) {
  const Size size = parse_size(text);
  options.request.size_conditioning.original_width = size.width;
  options.request.size_conditioning.original_height = size.height;
}

void set_target_size(Options& options, std::string_view text) {
  const Size size = parse_size(text);
  options.request.size_conditioning.target_width = size.width;
  options.request.size_conditioning.target_height = size.height;
}

void set_crop(Options& options, std::string_view text) {
  const Place place = parse_place(text);
  options.request.size_conditioning.crop_top = place.top;
  options.request.size_conditioning.crop_left = place.left;
}

void set_sampler(Options& options, std::string_view text) {
  const SamplerChoice choice = parse_sampler(text);
  options.request.sampler = choice.sampler;
  if (choice.schedule) options.request.schedule = choice.schedule;
  if (choice.solver_type) set_sampler_option<&SamplerOptions::solver_type>(options, name_of(*choice.solver_type));
  if (choice.solver_order)
    set_sampler_option<&SamplerOptions::solver_order>(options, std::to_string(*choice.solver_order));
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
