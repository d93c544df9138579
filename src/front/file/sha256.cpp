#include "txt2img/sha256.h"

#include <openssl/sha.h>

#include <array>
#include <fstream>
#include <system_error>
#include <vector>

#include "txt2img/error.h"

namespace txt2img {
namespace {

constexpr std::size_t kPiece = std::size_t{256} << 10;  // stays in the second-level cache between read and hash

// The hash by itself: the EVP interface would link and start all of libcrypto, with the libraries that it needs.
class Hasher {
 public:
  Hasher() { SHA256_Init(&state_); }

  void add(const void* bytes, std::size_t count) { SHA256_Update(&state_, bytes, count); }

  [[nodiscard]] std::string finish() {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256_Final(digest.data(), &state_);
    std::string hex;
    for (const unsigned char byte : digest) {
      hex += "0123456789abcdef"[byte >> 4];
      hex += "0123456789abcdef"[byte & 15];
    }
    return hex;
  }

 private:
  SHA256_CTX state_{};
};

}  // namespace

std::string sha256_hex(std::span<const std::byte> bytes) {
  Hasher hasher;
  hasher.add(bytes.data(), bytes.size());
  return hasher.finish();
}

std::string sha256_hex_of_file(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    throw Error(ExitCode::kMissingInput, path.string() + " is not there; check the name");
  }
  std::ifstream file;
  file.rdbuf()->pubsetbuf(nullptr, 0);  // the pieces are the buffer
  file.open(path, std::ios::binary);
  if (!file) throw Error(ExitCode::kIo, path.string() + " cannot be opened; check its permissions");
  Hasher hasher;
  std::vector<char> piece(kPiece);
  while (file) {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    hasher.add(piece.data(), static_cast<std::size_t>(file.gcount()));
  }
  if (file.bad()) throw Error(ExitCode::kIo, path.string() + " cannot be read to its end; check the disk");
  return hasher.finish();
}

}  // namespace txt2img
