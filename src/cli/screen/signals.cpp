#include "screen/signals.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstddef>

#include "screen/terminal.h"
#include "txt2img/output_file.h"

namespace txt2img::cli {
namespace {

// A signal handler reaches nothing else.
std::atomic<int> stop{0};
std::atomic<bool> is_deferred{false};
std::atomic<bool> is_on_terminal{false};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

// On a terminal the cursor stands behind "^C".
constexpr char kNothingToKeep[] = "\ntxt2img: interrupted; nothing was written\n";

extern "C" void handle_signal(int signal) {
  const bool is_first = stop.exchange(signal) == 0;
  if (is_first && is_deferred) return;
  const std::size_t skipped = is_on_terminal ? 0 : 1;
  if (is_first) write_all(Stream::kError, kNothingToKeep + skipped, sizeof kNothingToKeep - 1 - skipped);
  remove_temporary_files();
  _exit(128 + signal);
}

}  // namespace

void catch_signals() {
  is_on_terminal = is_terminal(Stream::kError);
  std::signal(SIGPIPE, SIG_IGN);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction action{};
    if (sigaction(signal, nullptr, &action) != 0 || action.sa_handler == SIG_IGN) continue;
    action.sa_handler = handle_signal;
    action.sa_flags = SA_RESTART;
    sigaction(signal, &action, nullptr);
  }
}

void defer_signals() { is_deferred = true; }

int stop_signal() { return stop; }

ExitCode stopped_code() { return static_cast<ExitCode>(128 + stop_signal()); }

}  // namespace txt2img::cli
