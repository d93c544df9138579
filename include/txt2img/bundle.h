// A bundle: a folder with a model and model.json, which says everything about it (models/README.md is the format).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "txt2img/export.h"
#include "txt2img/names.h"
#include "txt2img/sampler_options.h"
#include "txt2img/scheduler_config.h"

namespace txt2img {

enum class TokenizerKind { kClipBpe, kSentencePiece };

struct TokenizerSpec {
  TokenizerKind kind{};
  std::string vocab;  // clip-bpe: names relative to the bundle
  std::string merges;
  std::string model;     // sentencepiece
  int length = 77;       // ids per prompt with bos, eos and padding
  std::int64_t bos = 0;  // -1: none (sentencepiece only)
  std::int64_t eos = 0;
  std::int64_t pad = 0;
  std::map<std::string, std::int64_t> special{};             // texts that become this id before the merges
  std::map<std::string, std::vector<std::int64_t>> added{};  // texts that become these ids, found after normalisation
};

struct TextEncoderSpec {
  std::string file;
  Precision stored{};     // as in the file
  int clip_skips = 1;     // S: contexts the module returns
  int context_width = 0;  // W
  int pooled_width = 0;   // P, 0: none
  bool zero_empty_negative = false;
};

enum class UnetInput { kLatent, kTimestep, kContext, kPooled, kTimeIds, kGuidance };
inline constexpr std::size_t kUnetInputs = 6;

// What the numbers of the UNet's time_ids are.
enum class TimeId {
  kOriginalHeight,
  kOriginalWidth,
  kCropTop,
  kCropLeft,
  kTargetHeight,
  kTargetWidth,
  kAestheticScore
};

struct UnetSpec {
  std::string file;
  Precision stored{};
  std::vector<UnetInput> inputs;
  int in_channels = 0;
  int out_channels = 0;
  std::vector<TimeId> time_ids{};  // in their order

  [[nodiscard]] bool takes(UnetInput input) const { return std::ranges::find(inputs, input) != inputs.end(); }
};

struct VaeSpec {
  std::string decoder;
  std::optional<std::string> encoder;
  Precision stored{};
  int factor = 8;  // pixels per latent, each way
  int latent_channels = 4;
  double scaling_factor = 1;  // latents are divided by it before decoding, then
  double shift_factor = 0;    // this is added; where there are statistics, z std / scaling_factor + mean instead
  std::vector<double> latents_mean{};  // one for each channel, or none
  std::vector<double> latents_std{};
  bool has_posterior = true;  // the encoder gives mean and log variance, or else the latent itself
};

struct Defaults {
  int width = 512;
  int height = 512;
  int steps = 25;
  double guidance = 7.5;
  SamplerKind sampler{};
  ScheduleKind schedule{};
  int size_multiple = 8;
  std::string negative;
  SamplerOptions sampler_options{};  // of that sampler
};

struct FileEntry {
  std::uint64_t bytes = 0;
  std::string sha256;
};

struct Bundle {
  std::filesystem::path folder;
  std::string sha256;  // of model.json, and through it of every file
  std::string name;
  std::string family;
  std::string licence;
  std::map<std::string, FileEntry> files;
  std::vector<TokenizerSpec> tokenizers;  // one or two
  TextEncoderSpec text_encoder;
  UnetSpec unet;
  VaeSpec vae;
  SchedulerConfig scheduler;
  Defaults defaults;
};

// Reads and checks model.json (types, ranges, unknown and missing keys, names that leave the folder) and the presence
// and size of every file. Parses no other byte. Throws Error: kMissingInput, kBadData, kIo.
TXT2IMG_API Bundle read_bundle(const std::filesystem::path& folder);

enum class VerifyModel { kAlways, kOnce, kNever };

// Compares the SHA-256 of every file, or of `only`, with model.json. kOnce skips a file whose path, size, mtime and
// inode are those of an earlier success, remembered in the user's cache. Throws Error(kBadData) naming the file.
TXT2IMG_API void verify_files(const Bundle& bundle, VerifyModel policy, const std::vector<std::string>& only = {});

// The files that the tokenizers read.
TXT2IMG_API std::vector<std::string> tokenizer_files(const Bundle& bundle);

// A bundle's folder from what was given to --model: a path, or a name under the folders of model_folders(). Empty: the
// bundled model. Throws Error(kMissingInput) that lists where it looked.
TXT2IMG_API std::filesystem::path find_bundle(const std::string& model);

// $TXT2IMG_MODELS (colon-separated), ./models, then the models installed with the program or lying in its source tree.
TXT2IMG_API std::vector<std::filesystem::path> model_folders();

}  // namespace txt2img
