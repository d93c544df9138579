#include "txt2img/sha256.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "fixtures/bundle_fixture.h"

namespace txt2img {
namespace {

std::string hash(std::string_view text) { return sha256_hex(std::as_bytes(std::span(text))); }

// FIPS 180-4's examples.
TEST(Sha256, GivesTheStandardsExamples) {
  EXPECT_EQ(hash(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hash(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, OfAFileIsThatOfItsBytesAroundThePieceSize) {
  const ScratchFolder folder;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, (std::size_t{1} << 18) - 1, std::size_t{1} << 18,
                                 (std::size_t{1} << 18) + 1, std::size_t{1000003}}) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 + i / 251);
    write_file(folder.path() / "file", text);
    EXPECT_EQ(sha256_hex_of_file(folder.path() / "file"), hash(text)) << size;
  }
}

TEST(Sha256, SaysThatAFileIsMissing) {
  const ScratchFolder folder;
  const auto message =
      message_of(ExitCode::kMissingInput, [&] { return sha256_hex_of_file(folder.path() / "nobody"); });
  EXPECT_TRUE(has(message, "nobody"));
}

TEST(Sha256, OfAFolderIsAnErrorAndNotTheHashOfNothing) {
  const ScratchFolder folder;
  const auto message = message_of(ExitCode::kIo, [&] { return sha256_hex_of_file(folder.path()); });
  EXPECT_TRUE(has(message, folder.path().string()));
}

}  // namespace
}  // namespace txt2img
