#include "bundle/find_bundle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "fixtures/bundle_fixture.h"
#include "txt2img/bundle.h"

namespace txt2img {
namespace {

namespace fs = std::filesystem;

// In an empty current folder.
class FindBundle : public ::testing::Test {
 protected:
  FindBundle() { fs::current_path(here_.path()); }
  ~FindBundle() override { fs::current_path(before_); }

  static void make_model(const fs::path& folder) { write_file(folder / "model.json", "{}"); }

  fs::path before_ = fs::current_path();
  ScratchFolder here_;
  ScratchFolder models_;
  ScopedVariable variable_{"TXT2IMG_MODELS", models_.path().c_str()};
};

TEST_F(FindBundle, TakesAPathAsItIs) {
  make_model(here_.path() / "sd15");
  EXPECT_EQ(find_bundle("sd15"), "sd15");
  EXPECT_EQ(find_bundle("./sd15"), "./sd15");
  EXPECT_EQ(find_bundle((here_.path() / "sd15").string()), here_.path() / "sd15");
  EXPECT_EQ(find_bundle("sd15/model.json"), "sd15");
  fs::current_path(here_.path() / "sd15");
  EXPECT_EQ(find_bundle("."), ".");
  EXPECT_EQ(find_bundle("model.json"), ".");
}

TEST_F(FindBundle, LooksForANameInTheVariableThenInTheCurrentFoldersModels) {
  make_model(here_.path() / "models" / "sd15");
  EXPECT_EQ(find_bundle("sd15"), fs::path("models") / "sd15");
  make_model(models_.path() / "sd15");
  EXPECT_EQ(find_bundle("sd15"), models_.path() / "sd15");
}

TEST_F(FindBundle, PassesOverAFolderOfThatNameThatIsNoModel) {
  fs::create_directory(here_.path() / "sd15");  // somebody's output folder
  make_model(models_.path() / "sd15");
  EXPECT_EQ(find_bundle("sd15"), models_.path() / "sd15");
}

TEST_F(FindBundle, LooksForAPathNowhereElse) {
  make_model(models_.path() / "a" / "sd15");
  const auto message = message_of(ExitCode::kMissingInput, [] { return find_bundle("a/sd15"); });
  EXPECT_TRUE(has(message, "there is no model a/sd15 (looked for model.json in a/sd15)"));
}

TEST_F(FindBundle, SaysWhereItLooked) {
  const auto message = message_of(ExitCode::kMissingInput, [] { return find_bundle("sd51"); });
  EXPECT_TRUE(has(message, "there is no model sd51"));
  EXPECT_TRUE(has(message, (models_.path() / "sd51").string()));
  EXPECT_TRUE(has(message, "models/sd51"));
}

TEST_F(FindBundle, DoesNotTakeTheCurrentFoldersModelUnasked) {
  make_model(here_.path() / "models" / "stickers");
  make_model(here_.path() / "stickers");
  fs::path found;
  try {
    found = find_bundle("");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kMissingInput);  // a build without its bundled model
  }
  EXPECT_NE(found, fs::path("models") / "stickers");
  EXPECT_NE(found, fs::path("stickers"));
}

TEST_F(FindBundle, TakesTheBundledModelFromTheVariableWhereTheProgramBroughtNone) {
  make_model(models_.path() / "stickers");
  EXPECT_EQ(find_bundle("").filename(), "stickers");
}

TEST_F(FindBundle, ListsEachFolderOnce) {
  const ScratchFolder other;
  fs::create_directory(here_.path() / "models");
  const std::string list = other.path().string() + "::" + models_.path().string() + ":" + other.path().string() +
                           "/:" + (here_.path() / "models").string();
  const ScopedVariable variable("TXT2IMG_MODELS", list.c_str());
  const std::vector<fs::path> folders = model_folders();
  ASSERT_GE(folders.size(), 3U);
  EXPECT_EQ(folders[0], other.path());
  EXPECT_EQ(folders[1], models_.path());
  EXPECT_EQ(folders[2], here_.path() / "models");
  EXPECT_EQ(std::count(folders.begin(), folders.end(), fs::path("models")), 0);
}

TEST(OwnModelFolders, AreThoseOfTheInstallation) {
  const ScratchFolder prefix;
  const fs::path models = prefix.path() / "share" / "txt2img" / "models";
  EXPECT_TRUE(own_model_folders(prefix.path() / "lib" / "libtxt2img.so").empty());
  fs::create_directories(models);
  for (const char* library : {"lib/libtxt2img.so", "lib64/libtxt2img.so", "lib/x86_64-linux-gnu/libtxt2img.so"}) {
    EXPECT_EQ(own_model_folders(prefix.path() / library), std::vector<fs::path>{models}) << library;
  }
}

TEST(OwnModelFolders, AreThoseOfTheSourceTreeAroundABuild) {
  const ScratchFolder tree;
  const fs::path library = tree.path() / "build" / "release" / "libtxt2img.so";
  fs::create_directory(tree.path() / "models");
  EXPECT_TRUE(own_model_folders(library).empty());  // a folder called build is not yet ours
  write_file(tree.path() / "CMakeLists.txt", "");
  EXPECT_EQ(own_model_folders(library), std::vector<fs::path>{tree.path() / "models"});
}

TEST(OwnModelFolders, AreNotThoseOfAnySourceTree) {
  const ScratchFolder tree;
  fs::create_directory(tree.path() / "models");
  write_file(tree.path() / "CMakeLists.txt", "");
  EXPECT_TRUE(own_model_folders(tree.path() / "third_party" / "lib" / "libtxt2img.so").empty());
}

TEST(OwnModelFolders, AreNoneForALibraryWithoutAName) { EXPECT_TRUE(own_model_folders("").empty()); }

}  // namespace
}  // namespace txt2img
