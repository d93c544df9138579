// A small valid bundle in a folder of its own, of which a test changes one thing.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "expect_error.h"
#include "scratch_folder.h"
#include "txt2img/error.h"
#include "txt2img/sha256.h"

namespace txt2img {

inline void write_file(const std::filesystem::path& file, std::string_view content) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
}

inline std::string read_file(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// Every key that the format has, with one tokenizer of the kind "clip-bpe"; 'files' is empty.
inline nlohmann::json full_model_json() {
  return nlohmann::json::parse(R"({
    "format": "txt2img-bundle", "version": 1,
    "name": "toy", "family": "sd1", "licence": "MIT", "source": {"from": {"what": "a test"}}, "exporter": {"txt2img": "0.1.0"},
    "files": {},
    "tokenizers": [{"type": "clip-bpe", "vocab": "tokenizer/vocab.json", "merges": "tokenizer/merges.txt", "length": 77,
                    "bos": 49406, "eos": 49407, "pad": 0, "special": {"!": 0}}],
    "text_encoder": {"file": "text_encoder.pt", "dtype": "float16", "clip_skips": 12, "context_width": 768,
                     "pooled_width": 0, "zero_empty_negative": false},
    "unet": {"file": "unet.pt", "dtype": "bfloat16", "inputs": ["latent", "timestep", "context"], "in_channels": 4,
             "out_channels": 4},
    "vae": {"decoder": "vae_decoder.pt", "encoder": "vae_encoder.pt", "dtype": "float32", "factor": 8,
            "latent_channels": 4, "scaling_factor": 0.18215, "shift_factor": 0.5},
    "scheduler": {"num_train_timesteps": 1000, "beta_schedule": "linear", "beta_start": 0.001, "beta_end": 0.01,
                  "prediction_type": "v_prediction", "timestep_spacing": "trailing", "steps_offset": 2,
                  "set_alpha_to_one": true, "rescale_betas_zero_snr": true, "clip_sample": true, "thresholding": true,
                  "final_sigmas_type": "sigma_min"},
    "defaults": {"width": 448, "height": 640, "steps": 30, "guidance": 5.5, "sampler": "euler", "schedule": "karras",
                 "size_multiple": 64, "negative": "blurry"}
  })");
}

inline nlohmann::json sentencepiece_json() {
  return nlohmann::json::parse(
      R"({"type": "sentencepiece", "model": "tokenizer.model", "length": 77, "bos": -1, "eos": 2, "pad": 0})");
}

inline constexpr std::array kFileNames{"text_encoder.pt",      "tokenizer.model", "tokenizer/merges.txt",
                                       "tokenizer/vocab.json", "unet.pt",         "vae_decoder.pt",
                                       "vae_encoder.pt"};

class BundleFolder {
 public:
  BundleFolder() : json_(full_model_json()) {
    for (const char* name : kFileNames) {
      add_file(name, std::string("the bytes of ") + name);
    }
    write_json();
  }

  [[nodiscard]] std::filesystem::path path() const { return folder_.path(); }

  // What model.json will say; change it, then write_json().
  [[nodiscard]] nlohmann::json& json() { return json_; }

  void write_json() const { write_json(json_.dump(2)); }
  void write_json(std::string_view text) const { write_file(path() / "model.json", text); }

  // Puts a file into the folder, and into 'files'.
  void add_file(const std::string& name, std::string_view content) {
    write_file(path() / name, content);
    json_["files"][name] = {{"bytes", content.size()}, {"sha256", sha256_hex(std::as_bytes(std::span(content)))}};
  }

 private:
  ScratchFolder folder_;
  nlohmann::json json_;
};

// expect_error, and the message has to be one line with a way out.
template <class Work>
std::string message_of(ExitCode code, const Work& work) {
  const std::string message = expect_error(code, work);
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  EXPECT_NE(message.find("; "), std::string::npos) << "no way out: " << message;
  return message;
}

inline ::testing::AssertionResult has(const std::string& text, std::string_view part) {
  if (text.find(part) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "'" << part << "' is not in: " << text;
}

// An environment variable for the length of a test; nullptr unsets it.
class ScopedVariable {
 public:
  ScopedVariable(std::string name, const char* value) : name_(std::move(name)) {
    if (const char* old = std::getenv(name_.c_str())) old_ = old;
    set(value);
  }
  ~ScopedVariable() { set(old_ ? old_->c_str() : nullptr); }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  void set(const char* value) const {
    if (value == nullptr) {
      ::unsetenv(name_.c_str());
    } else {
      ::setenv(name_.c_str(), value, 1);
    }
  }

  std::string name_;
  std::optional<std::string> old_;
};

}  // namespace txt2img
