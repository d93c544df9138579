// read_bundle against what lies on the disk: hostile text in model.json, missing files, wrong sizes, links.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "fixtures/bundle_fixture.h"
#include "txt2img/bundle.h"

namespace txt2img {
namespace {

namespace fs = std::filesystem;

std::string refusal(const fs::path& folder, ExitCode code = ExitCode::kBadData) {
  const std::string message = message_of(code, [&folder] { return read_bundle(folder); });
  EXPECT_LT(message.size(), 600U);
  return message;
}

// The message about model.json with `from` replaced by `to`.
std::string refusal_of_text(const std::string& from, const std::string& to) {
  BundleFolder folder;
  std::string text = folder.json().dump();
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  folder.write_json(text.replace(at, from.size(), to));
  const std::string message = refusal(folder.path());
  EXPECT_TRUE(has(message, (folder.path() / "model.json").string() + ": "));
  return message;
}

TEST(BundleFiles, RefuseTextThatNoWriterOfBundlesWrites) {
  const std::string steps = "\"steps\":30";
  EXPECT_TRUE(has(refusal_of_text(steps, "\"steps\":NaN"), "not JSON"));
  EXPECT_TRUE(has(refusal_of_text(steps, "\"steps\":1e400"), "number that is too large"));
  EXPECT_TRUE(has(refusal_of_text(steps, "\"steps\":-0"), "defaults.steps is 0"));
  EXPECT_TRUE(has(refusal_of_text(steps, "\"steps\":4294967326"), "defaults.steps is 4294967326"));        // 2^32 + 30
  EXPECT_TRUE(has(refusal_of_text(steps, "\"steps\":18446744073709551646"), "defaults.steps is 1.8446"));  // 2^64 + 30
  EXPECT_TRUE(has(refusal_of_text(steps, "\"steps\":30,\"steps\":31"), "\"defaults.steps\" is there twice"));
  EXPECT_TRUE(has(refusal_of_text("blurry", "blu\xFFry"), "not JSON"));
  EXPECT_TRUE(has(refusal_of_text(steps, "\"steps\":" + std::string(300000, '[')), "nested more than 32 deep"));
}

TEST(BundleFiles, TakeANegativeZeroForZero) {
  BundleFolder folder;
  std::string text = folder.json().dump();
  const std::string shift = "\"shift_factor\":0.5";
  folder.write_json(text.replace(text.find(shift), shift.size(), "\"shift_factor\":-0.0"));
  EXPECT_EQ(read_bundle(folder.path()).vae.shift_factor, 0);
}

TEST(BundleFiles, RefuseAnEmptyModelJson) {
  const BundleFolder folder;
  folder.write_json("");
  EXPECT_TRUE(has(refusal(folder.path()), "model.json: not JSON"));
}

TEST(BundleFiles, RefuseAModelJsonThatIsNoFile) {
  const BundleFolder folder;
  fs::remove(folder.path() / "model.json");
  fs::create_directory(folder.path() / "model.json");
  EXPECT_TRUE(has(refusal(folder.path()), "model.json is not a regular file"));
}

TEST(BundleFiles, DoNotWaitForAPipe) {
  const BundleFolder folder;
  for (const char* name : {"unet.pt", "model.json"}) {
    fs::remove(folder.path() / name);
    ASSERT_EQ(::mkfifo((folder.path() / name).c_str(), 0600), 0);
    EXPECT_TRUE(has(refusal(folder.path()), std::string(name) + " is not a regular file"));
  }
}

TEST(BundleFiles, RefuseAHugeModelJsonBeforeReadingIt) {
  const BundleFolder folder;
  fs::resize_file(folder.path() / "model.json", std::uintmax_t{1} << 40);  // sparse; there is not the memory to read it
  EXPECT_TRUE(has(refusal(folder.path()), "model.json has 1099511627776 bytes, more than the 1048576"));
}

TEST(BundleFiles, SayThatAModelIsNotThere) {
  const BundleFolder folder;
  EXPECT_TRUE(has(refusal(folder.path() / "nobody", ExitCode::kMissingInput), "there is no model folder"));
  EXPECT_TRUE(has(refusal(folder.path() / "unet.pt"), "unet.pt is not a folder"));
  EXPECT_TRUE(has(refusal(folder.path() / "tokenizer", ExitCode::kMissingInput), "tokenizer/model.json is not there"));
}

TEST(BundleFiles, NameEachFileThatIsMissing) {
  for (const char* name : kFileNames) {
    const BundleFolder folder;
    fs::remove(folder.path() / name);
    EXPECT_TRUE(has(refusal(folder.path(), ExitCode::kMissingInput), (folder.path() / name).string() + " is missing"));
  }
}

TEST(BundleFiles, NameEachFileOfAnotherSize) {
  for (const char* name : kFileNames) {
    const BundleFolder folder;
    const fs::path file = folder.path() / name;
    const std::uintmax_t size = fs::file_size(file);
    for (const std::uintmax_t wrong : {std::uintmax_t{0}, size - 1, size + 1}) {
      fs::resize_file(file, wrong);
      EXPECT_TRUE(has(refusal(folder.path()), file.string() + " has " + std::to_string(wrong) +
                                                  " bytes, model.json says " + std::to_string(size)));
    }
  }
}

TEST(BundleFiles, CheckFilesThatNobodyRefersTo) {
  BundleFolder folder;
  folder.add_file("notes.txt", "hello");
  folder.write_json();
  EXPECT_EQ(read_bundle(folder.path()).files.size(), 8U);
  write_file(folder.path() / "notes.txt", "hello!");
  EXPECT_TRUE(has(refusal(folder.path()), "notes.txt has 6 bytes"));
}

TEST(BundleFiles, HavePlainNamesWithinTheFolder) {
  using namespace std::string_literals;
  for (const std::string& name : {"../unet.pt"s, "a/../../unet.pt"s, "a/../unet.pt"s, "/etc/passwd"s, "./unet.pt"s,
                                  "a//b"s, "a/"s, ".."s, "."s, ""s, "a\\b"s, "a\nb"s, "unet.pt\0.txt"s}) {
    BundleFolder folder;
    folder.json()["files"][name] = folder.json()["files"]["unet.pt"];
    folder.write_json();
    EXPECT_TRUE(has(refusal(folder.path()), "is not the plain relative name of a file within the folder")) << name;
  }
}

TEST(BundleFiles, RefuseALinkThatLeavesTheFolder) {
  const ScratchFolder outside;
  const BundleFolder folder;
  const fs::path file = folder.path() / "unet.pt";
  fs::rename(file, outside.path() / "unet.pt");
  fs::create_symlink(outside.path() / "unet.pt", file);
  EXPECT_TRUE(has(refusal(folder.path()), file.string() + " is a link that leaves the model's folder"));
}

TEST(BundleFiles, RefuseALinkedFolderThatLeavesTheFolder) {
  const ScratchFolder outside;
  const BundleFolder folder;
  fs::copy(folder.path() / "tokenizer", outside.path() / "tokenizer");
  fs::remove_all(folder.path() / "tokenizer");
  fs::create_directory_symlink(outside.path() / "tokenizer", folder.path() / "tokenizer");
  EXPECT_TRUE(has(refusal(folder.path()), "is a link that leaves the model's folder"));
}

TEST(BundleFiles, RefuseALinkToASiblingWhoseNameBeginsAlike) {
  const ScratchFolder parent;
  const BundleFolder source;
  const fs::path folder = parent.path() / "model";
  fs::copy(source.path(), folder, fs::copy_options::recursive);
  fs::copy(source.path(), parent.path() / "model2", fs::copy_options::recursive);
  fs::remove(folder / "unet.pt");
  fs::create_symlink("../model2/unet.pt", folder / "unet.pt");
  EXPECT_TRUE(has(refusal(folder), "unet.pt is a link that leaves the model's folder"));
}

TEST(BundleFiles, RefuseAModelJsonThatIsALinkOut) {
  const ScratchFolder outside;
  const BundleFolder folder;
  fs::rename(folder.path() / "model.json", outside.path() / "model.json");
  fs::create_symlink(outside.path() / "model.json", folder.path() / "model.json");
  EXPECT_TRUE(has(refusal(folder.path()), "model.json is a link that leaves the model's folder"));
}

TEST(BundleFiles, RefuseLinksThatLeadNowhere) {
  const BundleFolder folder;
  const fs::path file = folder.path() / "unet.pt";
  fs::remove(file);
  fs::create_symlink("gone.pt", file);
  EXPECT_TRUE(has(refusal(folder.path(), ExitCode::kMissingInput), "unet.pt is missing"));
  fs::remove(file);
  fs::create_symlink("unet.pt", file);
  EXPECT_TRUE(has(refusal(folder.path(), ExitCode::kIo), "unet.pt cannot be followed"));
}

TEST(BundleFiles, MayBeLinkedWithinTheFolderWhichMayBeALinkItself) {
  const ScratchFolder elsewhere;
  const BundleFolder folder;
  fs::create_directory(folder.path() / "blobs");
  fs::rename(folder.path() / "unet.pt", folder.path() / "blobs" / "unet");
  fs::create_symlink("blobs/unet", folder.path() / "unet.pt");
  fs::create_directory_symlink(folder.path(), elsewhere.path() / "model");
  EXPECT_EQ(read_bundle(elsewhere.path() / "model").name, "toy");
}

TEST(BundleFiles, AreFoundFromARelativeFolderToo) {
  const BundleFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  EXPECT_EQ(read_bundle(".").name, "toy");
  EXPECT_EQ(read_bundle("tokenizer/..").name, "toy");
  fs::current_path(before);
}

}  // namespace
}  // namespace txt2img
