#include "txt2img/bundle.h"

#include <algorithm>
#include <span>
#include <system_error>

#include "bundle/bundle_json.h"
#include "file/read_file.h"
#include "txt2img/error.h"
#include "txt2img/format_text.h"
#include "txt2img/sha256.h"

namespace txt2img {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kModelJsonMax = std::size_t{1} << 20;  // bytes; real ones have 3 thousand

constexpr const char* kRemedy = "export the model again";

void check_is_folder(const fs::path& folder) {
  std::error_code failure;
  const fs::file_type type = fs::status(folder, failure).type();
  if (type == fs::file_type::not_found) {
    throw Error(ExitCode::kMissingInput, "there is no model folder " + folder.string() + "; check the name");
  }
  if (type == fs::file_type::none) {
    throw Error(ExitCode::kIo,
                format_text("{} cannot be read: {}; check its permissions", folder.string(), failure.message()));
  }
  if (type != fs::file_type::directory) {
    throw Error(ExitCode::kBadData,
                folder.string() + " is not a folder; a model is a folder with a model.json, as the exporter writes it");
  }
}

// Symbolic links may lead from one place of the folder to another, but not out of it.
void check_stays_inside(const fs::path& file, const fs::path& real_folder) {
  std::error_code failure;
  const fs::path real = fs::weakly_canonical(file, failure);
  if (failure) {
    throw Error(ExitCode::kIo,
                format_text("{} cannot be followed: {}; check its links", file.string(), failure.message()));
  }
  if (std::ranges::mismatch(real_folder, real).in1 == real_folder.end()) return;
  throw Error(ExitCode::kBadData,
              file.string() + " is a link that leaves the model's folder; replace it by the file itself");
}

void check_file(const fs::path& file, std::uint64_t bytes) {
  std::error_code failure;
  const fs::file_type type = fs::status(file, failure).type();
  if (type == fs::file_type::not_found) {
    throw Error(ExitCode::kMissingInput,
                file.string() + " is missing, but model.json lists it; copy the whole folder again, or " + kRemedy);
  }
  if (type != fs::file_type::none && type != fs::file_type::regular) {
    throw Error(ExitCode::kBadData, file.string() + " is not a regular file; copy it again, or " + kRemedy);
  }
  const std::uintmax_t size = failure ? 0 : fs::file_size(file, failure);
  if (failure) {
    throw Error(ExitCode::kIo,
                format_text("{} cannot be read: {}; check its permissions", file.string(), failure.message()));
  }
  if (size == bytes) return;
  throw Error(ExitCode::kBadData, format_text("{} has {} bytes, model.json says {}; copy it again, or {}",
                                              file.string(), size, bytes, kRemedy));
}

std::string read_model_json(const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored) && !ignored) {
    throw Error(ExitCode::kMissingInput,
                file.string() + " is not there; a model is a folder with a model.json, as " + "the exporter writes it");
  }
  return read_small_file(file, kModelJsonMax);
}

}  // namespace

Bundle read_bundle(const fs::path& folder) {
  check_is_folder(folder);
  const fs::path real_folder = fs::canonical(folder);
  const fs::path model_json = folder / "model.json";
  check_stays_inside(model_json, real_folder);
  const std::string text = read_model_json(model_json);
  Bundle bundle = parse_bundle(text, {.name = model_json.string(), .remedy = kRemedy});
  bundle.folder = folder;
  bundle.sha256 = sha256_hex(std::as_bytes(std::span(text)));
  for (const auto& [name, entry] : bundle.files) {
    check_stays_inside(folder / name, real_folder);
    check_file(folder / name, entry.bytes);
  }
  return bundle;
}

std::vector<std::string> tokenizer_files(const Bundle& bundle) {
  std::vector<std::string> files;
  for (const TokenizerSpec& spec : bundle.tokenizers) {
    switch (spec.kind) {
      case TokenizerKind::kClipBpe: files.insert(files.end(), {spec.vocab, spec.merges}); break;
      case TokenizerKind::kSentencePiece: files.push_back(spec.model); break;
    }
  }
  return files;
}

}  // namespace txt2img
