#include "toy_bundle.h"

#include <torch/script.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

namespace txt2img {
namespace {

std::string to_utf8(int code_point) {
  if (code_point < 0x80) return {static_cast<char>(code_point)};
  return {static_cast<char>(0xC0 | (code_point >> 6)), static_cast<char>(0x80 | (code_point & 0x3F))};
}

bool is_printable(int byte) { return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174; }

// CLIP's byte alphabet: printable bytes stand for themselves, the others for U+0100 and up.
std::vector<std::string> byte_alphabet() {
  std::vector<std::string> symbols;
  for (int byte = 0; byte < 256; ++byte) {
    if (is_printable(byte)) symbols.push_back(to_utf8(byte));
  }
  for (int byte = 0, next = 256; byte < 256; ++byte) {
    if (!is_printable(byte)) symbols.push_back(to_utf8(next++));
  }
  return symbols;
}

void write_tokenizer(const std::filesystem::path& folder) {
  nlohmann::json vocabulary;
  int id = 0;
  for (const std::string& symbol : byte_alphabet()) vocabulary[symbol] = id++;
  for (const std::string& symbol : byte_alphabet()) vocabulary[symbol + "</w>"] = id++;
  vocabulary["<|startoftext|>"] = id++;
  vocabulary["<|endoftext|>"] = id++;
  std::ofstream(folder / "vocab.json") << vocabulary.dump();
  std::ofstream(folder / "merges.txt") << "#version: 0.2\n";
}

}  // namespace

void write_module(const std::filesystem::path& file, const std::string& code) {
  torch::jit::Module module("Toy");
  module.register_parameter("one", torch::ones({}), /*is_buffer=*/false);
  module.register_parameter("rgb", torch::eye(3, 4).view({3, 4, 1, 1}), /*is_buffer=*/false);
  module.register_buffer("index", torch::arange(3));
  module.define(code);
  module.save(file.string());
}

ToyBundle::ToyBundle(const ToyCode& code) {
  std::string name = (std::filesystem::temp_directory_path() / "toy_bundle_XXXXXX").string();
  folder_ = mkdtemp(name.data());
  write_tokenizer(folder_);
  write_module(folder_ / "text_encoder.pt", code.text_encoder);
  write_module(folder_ / "unet.pt", code.unet);
  write_module(folder_ / "vae_decoder.pt", code.vae_decoder);
}

ToyBundle::~ToyBundle() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

Bundle ToyBundle::bundle() const {
  Bundle bundle;
  bundle.folder = folder_;
  bundle.name = "toy";
  bundle.tokenizers = {{.kind = TokenizerKind::kClipBpe,
                        .vocab = "vocab.json",
                        .merges = "merges.txt",
                        .model = {},
                        .length = 8,
                        .bos = 512,
                        .eos = 513,
                        .pad = 513,
                        .special = {}}};
  bundle.text_encoder = {.file = "text_encoder.pt", .stored = Precision::kFloat32, .clip_skips = 2, .context_width = 1};
  bundle.unet = {.file = "unet.pt",
                 .stored = Precision::kFloat32,
                 .inputs = {UnetInput::kLatent, UnetInput::kTimestep, UnetInput::kContext},
                 .in_channels = 4,
                 .out_channels = 4};
  bundle.vae = {.decoder = "vae_decoder.pt", .encoder = {}, .stored = Precision::kFloat32, .scaling_factor = 2};
  bundle.scheduler.prediction_type = PredictionType::kSample;
  bundle.scheduler.timestep_spacing = Spacing::kTrailing;
  bundle.scheduler.set_alpha_to_one = true;
  bundle.defaults = {.width = 16, .height = 16, .steps = 3, .guidance = 1, .negative = {}};
  return bundle;
}

}  // namespace txt2img
