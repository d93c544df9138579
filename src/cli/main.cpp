// txt2img: a prompt becomes a PNG.
#include <cstdlib>
#include <exception>
#include <functional>
#include <new>
#include <string>
#include <variant>

#include "info/check.h"
#include "info/help.h"
#include "info/list.h"
#include "info/show.h"
#include "options/command.h"
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

template <typename... Works>
struct Overloaded : Works... {
  using Works::operator()...;
};

ExitCode perform(const Command& command, Console& console) {
  return std::visit(Overloaded{
                        [&](const DrawPictures& draw) { return draw_pictures(draw, console); },
                        [&](const ShowPlan& show) { return show_plan(show, console); },
                        [&](const DrawStream& draw) { return draw_stream(draw, console); },
                        [&](const VerifyPicture& verify) { return verify_picture(verify, console); },
                        [&](const VerifyTree& verify) { return verify_tree(verify, console); },
                        [&](const ShowRecord& show) { return show_record(show, console); },
                        [&](const ListChoices& list) { return list_choices(list, console); },
                        [&](const CheckModel& check) { return check_model(check, console); },
                        [&](PrintHelp) { return print_help(console); },
                        [&](PrintVersion) { return print_version(console); },
                        [&](ExplainUsage) { return explain_usage(console); },
                    },
                    command);
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
    Asked asked = read_command(argc, argv);
    Console console(asked.verbosity, asked.colour);
    for (const std::string& text : asked.warnings) console.warning(text);
    return report_errors(console, [&] {
      if (RunOptions* const run = run_of(asked.command)) take_over_foreign_texts(*run, console);
      return perform(asked.command, console);
    });
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
