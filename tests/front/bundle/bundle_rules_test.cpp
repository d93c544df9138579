// Every rule of models/README.md about model.json, each broken alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fixtures/bundle_fixture.h"
#include "txt2img/bundle.h"
#include "txt2img/request.h"

namespace txt2img {
namespace {

using nlohmann::json;
using Pointer = json::json_pointer;

std::string refusal(const BundleFolder& folder) {
  return message_of(ExitCode::kBadData, [&folder] { return read_bundle(folder.path()); });
}

// The message about model.json as it is now, which has to name the file and the key, and to end with the remedy.
std::string refusal_of(const BundleFolder& folder, const std::string& key) {
  folder.write_json();
  const std::string message = refusal(folder);
  EXPECT_TRUE(message.starts_with((folder.path() / "model.json").string() + ": " + key + " "))
      << key << ": " << message;
  EXPECT_TRUE(message.ends_with("; export the model again")) << message;
  return message;
}

// "/tokenizers/0/special/!" as messages spell it: tokenizers[0].special["!"].
std::string to_path(const Pointer& place, const json& document) {
  if (place.empty()) return {};
  const std::string parent = to_path(place.parent_pointer(), document);
  const std::string& key = place.back();
  if (document.at(place.parent_pointer()).is_array()) return parent + "[" + key + "]";
  const bool is_word = key.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789") == std::string::npos;
  if (!is_word) return parent + "[\"" + key + "\"]";
  return parent.empty() ? key : parent + "." + key;
}

// Every key below `here`, but for those that are free.
void append_keys(const json& document, const Pointer& here, std::vector<Pointer>& places) {
  const json& value = document.at(here);
  if (here.to_string() == "/source" || here.to_string() == "/exporter") return;
  if (value.is_object()) {
    for (const auto& [key, inner] : value.items()) {
      places.push_back(here / key);
      append_keys(document, here / key, places);
    }
  }
  if (value.is_array() && value.front().is_object()) {
    for (std::size_t i = 0; i < value.size(); ++i) append_keys(document, here / i, places);
  }
}

std::vector<Pointer> keys_below(const json& document, const Pointer& here) {
  std::vector<Pointer> places;
  append_keys(document, here, places);
  return places;
}

// Two tokenizers, one of each kind: every key of the format.
json whole_document() {
  BundleFolder folder;
  folder.json()["tokenizers"].push_back(sentencepiece_json());
  return folder.json();
}

bool is_file_entry(const std::string& path) { return path.starts_with("files[") && path.ends_with(']'); }

TEST(BundleRules, NameEveryMissingKey) {
  const std::set<std::string> optional{"family",
                                       "licence",
                                       "source",
                                       "exporter",
                                       "vae.encoder",
                                       "defaults.negative",
                                       "scheduler.thresholding",
                                       "scheduler.clip_sample",
                                       "scheduler.rescale_betas_zero_snr",
                                       "scheduler.final_sigmas_type",
                                       "tokenizers[0].special",
                                       "tokenizers[0].special[\"!\"]"};
  const json document = whole_document();
  BundleFolder folder;
  int count = 0;
  for (const Pointer& place : keys_below(document, Pointer())) {
    const std::string path = to_path(place, document);
    if (optional.contains(path) || is_file_entry(path)) continue;
    folder.json() = document;
    folder.json()[place.parent_pointer()].erase(place.back());
    EXPECT_TRUE(has(refusal_of(folder, path), path + " is missing"));
    ++count;
  }
  EXPECT_GT(count, 65);
}

TEST(BundleRules, NameEveryValueOfAWrongType) {
  const json document = whole_document();
  const std::vector<json> wrong{nullptr, true, 0.5, "a text", json::array({json::array()}), json::object({{"a", 1}})};
  BundleFolder folder;
  for (const Pointer& place : keys_below(document, Pointer())) {
    const std::string path = to_path(place, document);
    const json& right = document.at(place);
    for (const json& value : wrong) {
      const bool is_same = value.type() == right.type() || (value.is_number() && right.is_number_float());
      const bool is_fine = path == "vae.encoder" && value.is_null();
      if ((is_same && !value.is_structured()) || is_fine) continue;
      if (value.is_object() && right.is_object()) continue;  // its keys are another test
      folder.json() = document;
      folder.json()[place] = value;
      folder.write_json();
      const std::string message = refusal(folder);
      EXPECT_TRUE(has(message, "model.json: " + path)) << value;
      EXPECT_TRUE(message.find("must be") != std::string::npos || message.find("have") != std::string::npos) << message;
    }
  }
}

TEST(BundleRules, RefuseUnknownKeysInEveryObjectButTheFreeOnes) {
  const json document = whole_document();
  std::vector<Pointer> objects{Pointer()};
  for (const Pointer& place : keys_below(document, Pointer())) {
    if (document.at(place).is_object()) objects.push_back(place);
  }
  objects.emplace_back("/tokenizers/0");
  objects.emplace_back("/tokenizers/1");
  BundleFolder folder;
  int count = 0;
  for (const Pointer& place : objects) {
    const std::string name = place.to_string();
    if (name == "/source" || name == "/exporter" || name == "/files" || name.ends_with("/special")) continue;
    folder.json() = document;
    folder.json()[place]["colour"] = "red";
    EXPECT_TRUE(has(refusal_of(folder, to_path(place / "colour", folder.json())), "is not a known key"));
    ++count;
  }
  EXPECT_EQ(count, 15);  // the root, 7 files, 2 tokenizers, text_encoder, unet, vae, scheduler, defaults
}

TEST(BundleRules, RefuseKeysOfTheOtherKindOfTokenizer) {
  BundleFolder folder;
  folder.json()["tokenizers"][0]["model"] = "tokenizer.model";
  refusal_of(folder, "tokenizers[0].model");
  folder.json()["tokenizers"][0] = sentencepiece_json();
  folder.json()["tokenizers"][0]["merges"] = "tokenizer/merges.txt";
  refusal_of(folder, "tokenizers[0].merges");
}

struct Bad {
  std::string place;
  json value;
  std::string reason;
};

void expect_refused(const std::vector<Bad>& table) {
  const json document = whole_document();
  BundleFolder folder;
  for (const Bad& bad : table) {
    folder.json() = document;
    folder.json()[Pointer(bad.place)] = bad.value;
    EXPECT_TRUE(has(refusal_of(folder, to_path(Pointer(bad.place), folder.json())), bad.reason));
  }
}

TEST(BundleRules, RefuseIntegersOutOfRange) {
  const std::int64_t big = std::int64_t{1} << 31;
  const std::string reason = "must be a whole number from ";
  expect_refused({{"/version", 0, reason},
                  {"/version", 1.0, reason},
                  {"/files/unet.pt/bytes", -1, reason},
                  {"/files/unet.pt/bytes", 1e3, reason},
                  {"/files/unet.pt/bytes", 18446744073709551615U, reason},
                  {"/tokenizers/0/length", 1, reason},
                  {"/tokenizers/0/length", 4097, reason},
                  {"/tokenizers/0/bos", -1, reason},
                  {"/tokenizers/0/eos", -1, reason},
                  {"/tokenizers/0/pad", -1, reason},
                  {"/tokenizers/0/pad", big, reason},
                  {"/tokenizers/0/special/!", -1, reason},
                  {"/tokenizers/1/bos", -2, reason},
                  {"/tokenizers/1/eos", -1, reason},
                  {"/tokenizers/1/pad", -1, reason},
                  {"/text_encoder/clip_skips", 0, reason},
                  {"/text_encoder/context_width", 0, reason},
                  {"/text_encoder/context_width", 768.5, reason},
                  {"/text_encoder/pooled_width", -1, reason},
                  {"/text_encoder/pooled_width", big, reason},
                  {"/unet/in_channels", 0, reason},
                  {"/unet/out_channels", 0, reason},
                  {"/vae/factor", 0, reason},
                  {"/vae/factor", 257, reason},
                  {"/vae/latent_channels", 0, reason},
                  {"/scheduler/num_train_timesteps", 0, reason},
                  {"/scheduler/num_train_timesteps", 100001, reason},
                  {"/scheduler/steps_offset", -1, reason},
                  {"/scheduler/steps_offset", 1000, reason},
                  {"/defaults/width", 0, reason},
                  {"/defaults/height", kSizeMax + 64, reason},
                  {"/defaults/steps", 0, reason},
                  {"/defaults/steps", 1001, reason},
                  {"/defaults/size_multiple", 0, reason}});
}

TEST(BundleRules, RefuseNumbersOutOfRange) {
  const std::string reason = "must be a number from ";
  expect_refused({{"/vae/scaling_factor", 0, reason},
                  {"/vae/scaling_factor", -0.18, reason},
                  {"/vae/scaling_factor", 1e300, reason},
                  {"/vae/shift_factor", -1e7, reason},
                  {"/scheduler/beta_start", 0, reason},
                  {"/scheduler/beta_start", -0.1, reason},
                  {"/scheduler/beta_end", 1, reason},
                  {"/scheduler/beta_end", 1.5, reason},
                  {"/defaults/guidance", -0.1, reason},
                  {"/defaults/guidance", kGuidanceMax + 1, reason}});
}

TEST(BundleRules, RefuseTextsThatAreNotChoices) {
  expect_refused({{"/format", "checkpoint", "must be \"txt2img-bundle\""},
                  {"/name", "", "1 to 200 bytes"},
                  {"/name", std::string(201, 'x'), "1 to 200 bytes"},
                  {"/name", "a\x1B[31m", "without control characters"},
                  {"/files/unet.pt/sha256", "abc", "64 hex digits"},
                  {"/files/unet.pt/sha256", std::string(64, 'A'), "lower case"},
                  {"/tokenizers/0/type", "wordpiece", "one of clip-bpe, sentencepiece"},
                  {"/tokenizers/0/vocab", "vocab.json", "'files' does not list"},
                  {"/tokenizers/0/merges", "merges.txt", "'files' does not list"},
                  {"/tokenizers/1/model", "../tokenizer.model", "'files' does not list"},
                  {"/text_encoder/file", "/etc/passwd", "'files' does not list"},
                  {"/text_encoder/dtype", "fp16", "one of float32, bfloat16, float16"},
                  {"/unet/file", "", "'files' does not list"},
                  {"/unet/dtype", "int8", "one of float32, bfloat16, float16"},
                  {"/vae/decoder", "vae.pt", "'files' does not list"},
                  {"/vae/encoder", "vae.pt", "'files' does not list"},
                  {"/vae/dtype", "Float32", "one of float32, bfloat16, float16"},
                  {"/scheduler/beta_schedule", "trained", "one of linear, scaled_linear, squaredcos_cap_v2"},
                  {"/scheduler/prediction_type", "velocity", "one of epsilon, v_prediction, sample"},
                  {"/scheduler/timestep_spacing", "even", "one of linspace, leading, trailing"},
                  {"/scheduler/final_sigmas_type", "one", "one of zero, sigma_min"},
                  {"/defaults/sampler", "restart", "a newer one"},
                  {"/defaults/sampler", "restart", "ddpm, ddim, pndm, lms, euler"},
                  {"/scheduler/beta_schedule", "cosine", "squaredcos_cap_v2, sigmoid, laplace, exp"},
                  {"/scheduler/prediction_type", "flow", "sample, flow_prediction"},
                  {"/defaults/schedule", "gits", "model, linspace, leading, trailing, karras, exponential"}});
}

// Optional keys that the whole document does not have.
TEST(BundleRules, RefuseWrongValuesOfRareKeys) {
  expect_refused({{"/tokenizers/0/added/<cat>", json::array(), ""},
                  {"/tokenizers/0/added/<cat>", {1.5, 2}, "1.5, all must be whole numbers"},
                  {"/tokenizers/0/added/<cat>", {1e300}, "all must be whole numbers"},
                  {"/unet/time_ids", {"crop_top"}, "not among the inputs"},
                  {"/vae/latents_mean", {1, 2, 3, 4}, "without latents_std"},
                  {"/vae/posterior", 0, "must be true or false"},
                  {"/scheduler/sigma_data", 0, "must"},
                  {"/scheduler/rho", 0, "must"},
                  {"/scheduler/shift", "3", "must"},
                  {"/scheduler/original_inference_steps", 2000, "must"},
                  {"/scheduler/clip_sample_range", -1, "must"}});
}

TEST(BundleRules, RefuseValuesThatContradictOthers) {
  expect_refused({{"/tokenizers/1/length", 32, "differs from the first tokenizer's"},
                  {"/unet/inputs", {"latent", "timestep"}, "lacks \"context\""},
                  {"/unet/inputs", {"timestep", "context"}, "lacks \"latent\""},
                  {"/unet/inputs", {"latent", "context"}, "lacks \"timestep\""},
                  {"/unet/inputs", json::array(), "lacks \"latent\""},
                  {"/unet/inputs", {"latent", "timestep", "context", "latent"}, "has \"latent\" twice"},
                  {"/unet/inputs", {"latent", "timestep", "context", "depth"}, "has \"depth\""},
                  {"/unet/inputs", {"latent", "timestep", "context", "pooled"}, "text_encoder.pooled_width is 0"},
                  {"/vae/latent_channels", 3, "differs from unet.out_channels"},
                  {"/scheduler/beta_start", 0.02, "greater than beta_end"},
                  {"/defaults/size_multiple", 4, "not a multiple of vae.factor"},
                  {"/defaults/width", 480, "not a multiple of size_multiple"},
                  {"/defaults/height", 640 + 8, "not a multiple of size_multiple"}});
}

TEST(BundleRules, WantParametersThatTheSamplerHas) {
  BundleFolder folder;
  json& defaults = folder.json()["defaults"];
  defaults["sampler"] = "dpmpp_2m";
  defaults["sampler_options"] = {{"solver_type", "heun"}, {"solver_order", 1}, {"lower_order_final", false}};
  folder.write_json();
  const SamplerOptions expected{.solver_order = 1, .solver_type = SolverType::kHeun, .lower_order_final = false};
  EXPECT_EQ(read_bundle(folder.path()).defaults.sampler_options, expected);
  defaults["sampler_options"] = {{"solver_type", "bh1"}};
  EXPECT_TRUE(has(refusal_of(folder, "defaults.sampler_options"), "has no solver_type bh1"));
  defaults["sampler_options"] = {{"eta", 0.5}};
  EXPECT_TRUE(has(refusal_of(folder, "defaults.sampler_options"), "eta has no meaning for sampler dpmpp_2m"));
  defaults["sampler_options"] = {{"solver_order", "2"}};
  EXPECT_TRUE(has(refusal_of(folder, "defaults.sampler_options.solver_order"), "must be a whole number"));
  defaults["sampler_options"] = {{"rho", 5}};  // of a schedule
  EXPECT_TRUE(has(refusal_of(folder, "defaults.sampler_options.rho"), "is not a known key"));
}

TEST(BundleRules, WantOneTokenizerOrTwo) {
  BundleFolder folder;
  json& tokenizers = folder.json()["tokenizers"];
  tokenizers.push_back(tokenizers[0]);
  tokenizers.push_back(tokenizers[0]);
  EXPECT_TRUE(has(refusal_of(folder, "tokenizers"), "has 3 entries, must have one or two"));
  tokenizers = json::array();
  EXPECT_TRUE(has(refusal_of(folder, "tokenizers"), "has 0 entries, must have one or two"));
}

TEST(BundleRules, WantAsManyTrainedBetasAsTimestepsAndNoOtherBetas) {
  BundleFolder folder;
  json& scheduler = folder.json()["scheduler"];
  scheduler["num_train_timesteps"] = 4;
  scheduler["trained_betas"] = {0.1, 0.2, 0.3, 0.4};
  EXPECT_TRUE(has(refusal_of(folder, "scheduler.beta_schedule"), "trained_betas, which replaces it"));
  for (const char* key : {"beta_schedule", "beta_start", "beta_end"}) scheduler.erase(key);
  scheduler["trained_betas"] = {0.1, 0.2, 0.3};
  EXPECT_TRUE(has(refusal_of(folder, "scheduler.trained_betas"), "has 3 entries, must have num_train_timesteps, 4"));
  scheduler["trained_betas"] = {0.1, 0.2, 0.3, 1.1};
  EXPECT_TRUE(has(refusal_of(folder, "scheduler.trained_betas"), "has the entry 1.1"));
}

TEST(BundleRules, SayThatANewerVersionIsNewerWhateverElseItHas) {
  BundleFolder folder;
  folder.json()["version"] = 2;
  folder.json()["depth_encoder"] = json::object();
  folder.json().erase("unet");
  EXPECT_TRUE(has(refusal_of(folder, "version"), "is 2: the bundle has a newer format"));
}

}  // namespace
}  // namespace txt2img
