#include "txt2img/engine_library.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "fixtures/expect_error.h"
#include "txt2img/record.h"

namespace txt2img {
namespace {

std::string refusal(const std::string& library) {
  return expect_error(ExitCode::kInternal, [&] { load_engine(library); });
}

std::string ours() {
  return "version " + std::string(version()) + " (interface " + std::to_string(kEngineInterface) + ")";
}

TEST(EngineLibrary, TakesAnEngineOfItsOwnInterfaceAndVersion) {
  EXPECT_EQ(load_engine(STAND_IN_OF_THIS_VERSION).version, version());
}

TEST(EngineLibrary, RefusesAnEngineOfAnotherInterfaceWithBothVersionsAndTheFile) {
  EXPECT_EQ(refusal(STAND_IN_OF_ANOTHER_INTERFACE), "the engine " STAND_IN_OF_ANOTHER_INTERFACE " is of version " +
                                                        std::string(version()) + " (interface " +
                                                        std::to_string(kEngineInterface + 1) + "), the program of " +
                                                        ours() + "; install or build txt2img again");
}

TEST(EngineLibrary, RefusesAnEngineOfAnotherVersion) {
  EXPECT_NE(refusal(STAND_IN_OF_ANOTHER_VERSION).find("is of version 0.0.9 (interface"), std::string::npos);
}

TEST(EngineLibrary, RefusesALibraryWithoutTheEntry) {
  const std::string message = refusal(NO_ENGINE);
  EXPECT_NE(message.find(NO_ENGINE), std::string::npos) << message;
  EXPECT_NE(message.find(ours()), std::string::npos) << message;
}

TEST(EngineLibrary, SaysWhyALibraryCannotBeOpened) {
  EXPECT_NE(refusal("/nowhere/libtxt2img_engine.so").find("cannot open shared object file"), std::string::npos);
}

}  // namespace
}  // namespace txt2img
