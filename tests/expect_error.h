// Expects a txt2img::Error with its exit code, and hands back the message for more.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "txt2img/error.h"

namespace txt2img {

template <typename Work>
std::string expect_error(ExitCode code, const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error was thrown";
  return {};
}

}  // namespace txt2img
