// verify_files: no parser may see a byte of a model whose SHA-256 is not the one in model.json.
#include <system_error>

#include "bundle/verified_files.h"
#include "txt2img/bundle.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"
#include "txt2img/sha256.h"

namespace txt2img {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& file, const std::string& problem) {
  throw Error(ExitCode::kBadData,
              format_text("{} {}; it is damaged or was replaced: copy it again, or export the model again",
                          file.string(), problem));
}

const FileEntry& entry_of(const Bundle& bundle, const std::string& name) {
  const auto found = bundle.files.find(name);
  if (found != bundle.files.end()) return found->second;
  throw Error(ExitCode::kInternal, "model.json does not list " + name + ", which was to be read; this is a bug");
}

FileStamp check_size(const fs::path& file, const FileEntry& entry) {
  const std::optional<FileStamp> stamp = stamp_of(file);
  if (!stamp) throw Error(ExitCode::kMissingInput, file.string() + " is gone; copy the model's folder again");
  if (stamp->bytes == entry.bytes) return *stamp;
  fail(file, format_text("has {} bytes, model.json says {}", stamp->bytes, entry.bytes));
}

void check_hash(const fs::path& file, const FileEntry& entry) {
  const std::string actual = sha256_hex_of_file(file);
  if (actual == entry.sha256) return;
  fail(file,
       format_text("has the SHA-256 {}..., model.json says {}...", actual.substr(0, 12), entry.sha256.substr(0, 12)));
}

void verify_file(const fs::path& file, const FileEntry& entry, VerifyModel policy, VerifiedFiles& verified) {
  const FileStamp stamp = check_size(file, entry);
  switch (policy) {
    case VerifyModel::kNever: return;
    case VerifyModel::kOnce:
      if (verified.has(file, stamp, entry.sha256)) return;
      break;
    case VerifyModel::kAlways: break;
  }
  check_hash(file, entry);
  // A file that somebody wrote to meanwhile is not the one that was hashed.
  if (stamp_of(file) == stamp) verified.add(file, stamp, entry.sha256);
}

}  // namespace

void verify_files(const Bundle& bundle, VerifyModel policy, const std::vector<std::string>& only) {
  VerifiedFiles verified(policy == VerifyModel::kNever ? std::nullopt : verified_files_path());
  if (only.empty()) {
    for (const auto& [name, entry] : bundle.files) verify_file(bundle.folder / name, entry, policy, verified);
  }
  for (const std::string& name : only) verify_file(bundle.folder / name, entry_of(bundle, name), policy, verified);
  verified.save();
}

}  // namespace txt2img
