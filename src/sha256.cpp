#include "txt2img/sha256.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <fstream>
#include <memory>
#include <system_error>
#include <vector>

#include "txt2img/error.h"

namespace txt2img {
namespace {

constexpr std::size_t kPiece = std::size_t{256} << 10;  // stays in the second-level cache between read and hash

[[noreturn]] void fail() {
  throw Error(ExitCode::kInternal, "libcrypto cannot compute SHA-256; this is a bug in the build of txt2img");
}

class Hasher {
 public:
  Hasher() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    // No openssl.cnf: it could make libcrypto open other libraries, and it is not needed for a hash.
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
    if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1) fail();
  }

  void add(const void* bytes, std::size_t count) {
    if (EVP_DigestUpdate(context_.get(), bytes, count) != 1) fail();
  }

  [[nodiscard]] std::string finish() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    if (EVP_DigestFinal_ex(context_.get(), digest.data(), &size) != 1) fail();
    std::string hex;
    for (unsigned int i = 0; i < size; ++i) {
      hex += "0123456789abcdef"[digest[i] >> 4];
      hex += "0123456789abcdef"[digest[i] & 15];
    }
    return hex;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
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
