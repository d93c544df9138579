// SIGINT, SIGTERM and SIGHUP. While there is nothing to keep the first one ends the program at once; while pictures are
// drawn the first asks to stop, and the second ends the program.
#pragma once

#include "txt2img/error.h"

namespace txt2img::cli {

// Once, at the start. Signals that are ignored (nohup) stay so; a closed pipe becomes a failed write.
void catch_signals();

// From here on there is something to keep: ask stop_signal() often.
void defer_signals();

// The signal that asked to stop, 0 if none did.
int stop_signal();

// What the program ends with after that signal, as a shell would say of one that it killed.
ExitCode stopped_code();

}  // namespace txt2img::cli
