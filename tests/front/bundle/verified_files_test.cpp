// verify_files and its memory in the user's cache.
#include "bundle/verified_files.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "fixtures/bundle_fixture.h"
#include "txt2img/bundle.h"

namespace txt2img {
namespace {

namespace fs = std::filesystem;

class VerifyFiles : public ::testing::Test {
 protected:
  [[nodiscard]] Bundle bundle() const { return read_bundle(folder_.path()); }
  [[nodiscard]] fs::path store() const { return cache_.path() / "txt2img" / "verified"; }
  [[nodiscard]] fs::path file(const std::string& name) const { return folder_.path() / name; }

  // Another bit, the same size, time and inode: only a hash can tell.
  void flip_a_bit(const std::string& name) const {
    const auto time = fs::last_write_time(file(name));
    std::string content = read_file(file(name));
    content[content.size() / 2] ^= 0x10;
    write_file(file(name), content);
    fs::last_write_time(file(name), time);
  }

  void expect_refused(VerifyModel policy, const std::string& name) const {
    const auto message = message_of(ExitCode::kBadData, [&] { verify_files(bundle(), policy); });
    EXPECT_TRUE(has(message, file(name).string() + " has the SHA-256 "));
  }

  BundleFolder folder_;
  ScratchFolder cache_;
  ScopedVariable variable_{"XDG_CACHE_HOME", cache_.path().c_str()};
};

TEST_F(VerifyFiles, AcceptAnUntouchedBundle) {
  for (const VerifyModel policy : {VerifyModel::kAlways, VerifyModel::kOnce, VerifyModel::kNever}) {
    verify_files(bundle(), policy);
  }
}

TEST_F(VerifyFiles, NameEachFileWithAFlippedBit) {
  for (const auto& [name, entry] : bundle().files) {
    flip_a_bit(name);
    expect_refused(VerifyModel::kAlways, name);
    expect_refused(VerifyModel::kOnce, name);
    verify_files(bundle(), VerifyModel::kNever);
    flip_a_bit(name);
  }
}

TEST_F(VerifyFiles, LookOnlyAtTheFilesThatWereNamed) {
  flip_a_bit("unet.pt");
  verify_files(bundle(), VerifyModel::kAlways, tokenizer_files(bundle()));
  const auto message = message_of(
      ExitCode::kBadData, [&] { verify_files(bundle(), VerifyModel::kAlways, {"text_encoder.pt", "unet.pt"}); });
  EXPECT_TRUE(has(message, "unet.pt"));
  EXPECT_TRUE(
      has(message_of(ExitCode::kInternal, [&] { verify_files(bundle(), VerifyModel::kNever, {"x.pt"}); }), "x.pt"));
}

TEST_F(VerifyFiles, SeeASizeThatChangedAfterTheBundleWasRead) {
  const Bundle before = bundle();
  fs::resize_file(file("unet.pt"), 3);
  const auto message = message_of(ExitCode::kBadData, [&] { verify_files(before, VerifyModel::kNever); });
  EXPECT_TRUE(has(message, "unet.pt has 3 bytes, model.json says 20"));
  fs::remove(file("unet.pt"));
  EXPECT_TRUE(has(message_of(ExitCode::kMissingInput, [&] { verify_files(before, VerifyModel::kNever); }), "is gone"));
}

TEST_F(VerifyFiles, HashAFileOnceAsLongAsItStaysTheSame) {
  verify_files(bundle(), VerifyModel::kOnce);
  flip_a_bit("unet.pt");
  verify_files(bundle(), VerifyModel::kOnce);  // the promise of `once`, and the proof that nothing was read
  expect_refused(VerifyModel::kAlways, "unet.pt");
}

TEST_F(VerifyFiles, HashAgainWhenTheTimeIsAnother) {
  verify_files(bundle(), VerifyModel::kOnce);
  flip_a_bit("unet.pt");
  fs::last_write_time(file("unet.pt"), fs::last_write_time(file("unet.pt")) + std::chrono::nanoseconds(1));
  expect_refused(VerifyModel::kOnce, "unet.pt");
}

TEST_F(VerifyFiles, HashAgainWhenTheInodeIsAnother) {
  verify_files(bundle(), VerifyModel::kOnce);
  const auto time = fs::last_write_time(file("unet.pt"));
  fs::copy_file(file("unet.pt"), file("copy"));  // while both exist, their inodes differ
  fs::rename(file("copy"), file("unet.pt"));
  fs::last_write_time(file("unet.pt"), time);
  flip_a_bit("unet.pt");
  expect_refused(VerifyModel::kOnce, "unet.pt");
}

TEST_F(VerifyFiles, HashAgainWhenModelJsonSaysAnotherHash) {
  verify_files(bundle(), VerifyModel::kOnce);
  folder_.json()["files"]["unet.pt"]["sha256"] = std::string(64, '0');
  folder_.write_json();
  expect_refused(VerifyModel::kOnce, "unet.pt");
}

TEST_F(VerifyFiles, RememberAFileUnderItsRealName) {
  verify_files(bundle(), VerifyModel::kOnce);
  fs::create_directory_symlink(folder_.path(), cache_.path() / "link");
  flip_a_bit("unet.pt");
  verify_files(read_bundle(cache_.path() / "link"), VerifyModel::kOnce);
}

TEST_F(VerifyFiles, RememberNothingOfAFailure) {
  flip_a_bit("unet.pt");
  expect_refused(VerifyModel::kOnce, "unet.pt");
  expect_refused(VerifyModel::kOnce, "unet.pt");
}

TEST_F(VerifyFiles, WriteNothingWhenAllIsKnown) {
  verify_files(bundle(), VerifyModel::kOnce);
  const auto stamp = stamp_of(store());
  ASSERT_TRUE(stamp.has_value());
  verify_files(bundle(), VerifyModel::kOnce);
  verify_files(bundle(), VerifyModel::kAlways);
  EXPECT_EQ(stamp_of(store()), stamp);  // a rewrite makes a new inode
}

TEST_F(VerifyFiles, LeaveNothingInTheCacheButTheStore) {
  verify_files(bundle(), VerifyModel::kOnce);
  int count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(cache_.path())) count += entry.is_regular_file() ? 1 : 0;
  EXPECT_EQ(count, 1);
}

TEST_F(VerifyFiles, ReadADamagedStoreAsFarAsItMakesSense) {
  verify_files(bundle(), VerifyModel::kOnce);
  const std::string whole = read_file(store());
  flip_a_bit("unet.pt");
  for (const std::string& damaged :
       {std::string(), std::string("rubbish"), std::string(5000000, '\n'), std::string(1000, '\0'),
        whole.substr(0, whole.find('\n')), whole.substr(0, whole.find("unet.pt") + 3)}) {
    write_file(store(), damaged);
    expect_refused(VerifyModel::kOnce, "unet.pt");
  }
  const std::size_t first = whole.find('\n') + 1;
  write_file(store(), "another version\n" + whole.substr(first));
  expect_refused(VerifyModel::kOnce, "unet.pt");
  write_file(store(), std::string(whole).insert(first, "rubbish\n\n \nabc 18446744073709551616 x y\n"));
  verify_files(bundle(), VerifyModel::kOnce);
}

TEST_F(VerifyFiles, DoWithoutACache) {
  const fs::path blocked = cache_.path() / "file";
  write_file(blocked, "");
  for (const char* value : {blocked.c_str(), "/proc/nobody", "relative", ""}) {
    const ScopedVariable cache("XDG_CACHE_HOME", value);
    const ScopedVariable home("HOME", nullptr);
    verify_files(bundle(), VerifyModel::kOnce);
    flip_a_bit("unet.pt");
    expect_refused(VerifyModel::kOnce, "unet.pt");
    flip_a_bit("unet.pt");
  }
}

TEST_F(VerifyFiles, LookInTheHomeFolderIfThereIsNoOtherCache) {
  for (const char* unset : {static_cast<const char*>(nullptr), "", "relative"}) {
    const ScopedVariable cache("XDG_CACHE_HOME", unset);
    const ScopedVariable home("HOME", "/home/somebody");
    EXPECT_EQ(verified_files_path(), fs::path("/home/somebody/.cache/txt2img/verified"));
  }
  EXPECT_EQ(verified_files_path(), store());
}

TEST(VerifiedFiles, ForgetFilesThatAreGoneOrChanged) {
  const ScratchFolder folder;
  const fs::path store = folder.path() / "store";
  for (const char* name : {"gone", "changed", "kept"}) write_file(folder.path() / name, name);
  VerifiedFiles verified(store);
  for (const char* name : {"gone", "changed", "kept"}) {
    verified.add(folder.path() / name, stamp_of(folder.path() / name).value(), std::string(64, 'a'));
  }
  fs::remove(folder.path() / "gone");
  write_file(folder.path() / "changed", "another size");
  verified.save();
  const std::string text = read_file(store);
  EXPECT_TRUE(has(text, "/kept\n"));
  EXPECT_EQ(text.find("/gone"), std::string::npos);
  EXPECT_EQ(text.find("/changed"), std::string::npos);
}

TEST(VerifiedFiles, LetNoNameWriteALineOfItsOwn) {
  const ScratchFolder folder;
  const fs::path file = folder.path() / ("a\n" + std::string(64, 'b') + " 1 2 3 c");
  write_file(file, "x");
  VerifiedFiles verified(folder.path() / "store");
  verified.add(file, stamp_of(file).value(), std::string(64, 'a'));
  verified.save();
  EXPECT_FALSE(fs::exists(folder.path() / "store"));
}

TEST(VerifiedFiles, KeepNamesWithSpacesAndBytesThatAreNoText) {
  const ScratchFolder folder;
  const fs::path store = folder.path() / "store";
  for (const char* name : {" two  spaces ", "\xFF\xFE", "two\nlines"}) {
    const fs::path file = folder.path() / name;
    write_file(file, "x");
    VerifiedFiles written(store);
    written.add(file, stamp_of(file).value(), std::string(64, 'a'));
    written.save();
    const bool is_one_line = file.string().find('\n') == std::string::npos;
    EXPECT_EQ(VerifiedFiles(store).has(file, stamp_of(file).value(), std::string(64, 'a')), is_one_line) << name;
  }
}

}  // namespace
}  // namespace txt2img
