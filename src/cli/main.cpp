// txt2img: a prompt becomes a PNG.
#include <cstdlib>
#include <exception>
#include <functional>
#include <new>
#include <string>

#include "info/check.h"
#include "info/help.h"
#include "info/list.h"
#include "info/show.h"
#include "options/options.h"
#include "plan/follow.h"
#include "run/draw.h"
#include "run/stream.h"
#include "run/verify.h"
#include "run/verify_tree.h"
#include "screen/console.h"
#include "screen/signals.h"
#include "screen/terminal.h"
#include "txt2img/error.h"

namespace txt2img::cli {
namespace {

ExitCode perform(const Options& options, Console& console) {
  switch (options.action) {
    case Action::kDraw: return options.is_stream ? draw_stream(options, console) : draw_pictures(options, console);
    case Action::kDryRun: return show_plan(options, console);
    case Action::kVerify: return options.has_files() ? verify_tree(options, console) : verify_picture(options, console);
    case Action::kShow: return show_record(options, console);
    case Action::kList: return list_choices(options, console);
    case Action::kCheck: return check_model(options, console);
    case Action::kHelp: return print_help(console);
    case Action::kVersion: return print_version(console);
    case Action::kUsage: return explain_usage(console);
  }
  return ExitCode::kInternal;
}

ExitCode report_errors(Console& console, const std::function<ExitCode()>& work) {
  try {
    return work();
  } catch (const Error& error) {
    console.error(error);
    return error.code();
  } catch (const std::bad_alloc&) {
    console.error(Error(ExitCode::kUnavailable, "out of memory; try a smaller size, count or batch"));
    return ExitCode::kUnavailable;
  } catch (const std::exception& error) {
    console.error(Error(ExitCode::kInternal, std::string("internal error: ") + error.what()));
    return ExitCode::kInternal;
  }
}

ExitCode run(int argc, const char* const* argv) {
  Console before_options(Verbosity::kNormal, Colour::kAuto);
  return report_errors(before_options, [&] {
    const Options options = read_options(argc, argv);
    Console console(options.verbosity, options.colour);
    for (const std::string& text : options.warnings) console.warning(text);
    return report_errors(console, [&] { return perform(with_foreign_texts(options, console), console); });
  });
}

}  // namespace
}  // namespace txt2img::cli

int main(int argc, char** argv) {
  txt2img::cli::keep_standard_streams();
  txt2img::cli::catch_signals();
  const int code = static_cast<int>(txt2img::cli::run(argc, argv));
  // Everything is written, without buffers. LibTorch would take a tenth of a second to take itself apart.
  std::_Exit(code);
}
