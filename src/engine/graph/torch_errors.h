// What LibTorch throws, as our errors.
#pragma once

#include <c10/util/Exception.h>

#include <exception>
#include <new>
#include <string>

#include "txt2img/error.h"

namespace txt2img {

// The interpreter's messages are a traceback; the last line that says something is the reason.
inline std::string last_line(std::string text) {
  text.erase(text.find_last_not_of(" \n") + 1);
  const std::size_t start = text.find_last_of('\n');
  return start == std::string::npos ? text : text.substr(start + 1);
}

// LibTorch has a class for it on CUDA only.
inline bool is_out_of_memory(const c10::Error& error) {
  return dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
         error.msg().find("DefaultCPUAllocator") != std::string::npos;
}

inline std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// Runs `work`; what LibTorch throws becomes an Error that begins with `what` and, where the data is to blame, ends with
// `remedy`: kUnavailable (out of memory) or kBadData.
template <typename Work>
auto translate_errors(const std::string& what, const std::string& remedy, Work work) {
  try {
    return work();
  } catch (const Error&) {
    throw;
  } catch (const c10::Error& error) {
    if (is_out_of_memory(error)) {
      throw Error(
          ExitCode::kUnavailable,
          what + ": the device is out of memory; use a smaller size, --batch-size 1, --low-memory or --dtype float16",
          error.what());
    }
    throw Error(ExitCode::kBadData, what + ": " + first_line(error.what_without_backtrace()) + remedy, error.what());
  } catch (const std::bad_alloc& error) {
    throw Error(ExitCode::kUnavailable, what + ": out of memory; use a smaller size, --batch-size 1 or --low-memory",
                error.what());
  } catch (const std::exception& error) {
    throw Error(ExitCode::kBadData, what + ": " + last_line(error.what()) + remedy, error.what());
  }
}

}  // namespace txt2img
