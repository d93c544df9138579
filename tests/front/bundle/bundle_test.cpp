#include "txt2img/bundle.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fixtures/bundle_fixture.h"

namespace txt2img {
namespace {

using nlohmann::json;

TEST(ReadBundle, ReadsEveryKey) {
  BundleFolder folder;
  const Bundle bundle = read_bundle(folder.path());
  EXPECT_EQ(bundle.folder, folder.path());
  EXPECT_EQ(bundle.sha256, sha256_hex_of_file(folder.path() / "model.json"));
  EXPECT_EQ(bundle.name + "|" + bundle.family + "|" + bundle.licence, "toy|sd1|MIT");
  EXPECT_EQ(bundle.files.size(), 7U);
  EXPECT_EQ(bundle.files.at("unet.pt").bytes, 20U);
  EXPECT_EQ(bundle.files.at("unet.pt").sha256, sha256_hex_of_file(folder.path() / "unet.pt"));

  ASSERT_EQ(bundle.tokenizers.size(), 1U);
  const TokenizerSpec& tokenizer = bundle.tokenizers[0];
  EXPECT_EQ(tokenizer.kind, TokenizerKind::kClipBpe);
  EXPECT_EQ(tokenizer.vocab + "|" + tokenizer.merges + "|" + tokenizer.model,
            "tokenizer/vocab.json|tokenizer/merges.txt|");
  EXPECT_EQ(tokenizer.length, 77);
  EXPECT_EQ(tokenizer.bos, 49406);
  EXPECT_EQ(tokenizer.eos, 49407);
  EXPECT_EQ(tokenizer.pad, 0);
  EXPECT_EQ(tokenizer.special, (std::map<std::string, std::int64_t>{{"!", 0}}));

  EXPECT_EQ(bundle.text_encoder.file, "text_encoder.pt");
  EXPECT_EQ(bundle.text_encoder.stored, Precision::kFloat16);
  EXPECT_EQ(bundle.text_encoder.clip_skips, 12);
  EXPECT_EQ(bundle.text_encoder.context_width, 768);
  EXPECT_EQ(bundle.text_encoder.pooled_width, 0);
  EXPECT_FALSE(bundle.text_encoder.zero_empty_negative);

  EXPECT_EQ(bundle.unet.file, "unet.pt");
  EXPECT_EQ(bundle.unet.stored, Precision::kBfloat16);
  EXPECT_EQ(bundle.unet.inputs,
            (std::vector<UnetInput>{UnetInput::kLatent, UnetInput::kTimestep, UnetInput::kContext}));
  EXPECT_EQ(bundle.unet.in_channels, 4);
  EXPECT_EQ(bundle.unet.out_channels, 4);

  EXPECT_EQ(bundle.vae.decoder, "vae_decoder.pt");
  EXPECT_EQ(bundle.vae.encoder, "vae_encoder.pt");
  EXPECT_EQ(bundle.vae.stored, Precision::kFloat32);
  EXPECT_EQ(bundle.vae.factor, 8);
  EXPECT_EQ(bundle.vae.latent_channels, 4);
  EXPECT_EQ(bundle.vae.scaling_factor, 0.18215);
  EXPECT_EQ(bundle.vae.shift_factor, 0.5);
  EXPECT_TRUE(bundle.vae.has_posterior);
}

TEST(ReadBundle, ReadsThatAVaeHasNoPosterior) {
  BundleFolder folder;
  folder.json()["vae"]["posterior"] = false;
  folder.write_json();
  EXPECT_FALSE(read_bundle(folder.path()).vae.has_posterior);
}

TEST(ReadBundle, ReadsTheSchedulerAndTheDefaults) {
  const BundleFolder folder;
  const Bundle bundle = read_bundle(folder.path());
  const SchedulerConfig& scheduler = bundle.scheduler;
  EXPECT_EQ(scheduler.num_train_timesteps, 1000);
  EXPECT_EQ(scheduler.beta_schedule, BetaSchedule::kLinear);
  EXPECT_EQ(scheduler.beta_start, 0.001);
  EXPECT_EQ(scheduler.beta_end, 0.01);
  EXPECT_TRUE(scheduler.trained_betas.empty());
  EXPECT_EQ(scheduler.prediction_type, PredictionType::kVelocity);
  EXPECT_EQ(scheduler.timestep_spacing, Spacing::kTrailing);
  EXPECT_EQ(scheduler.steps_offset, 2);
  EXPECT_TRUE(scheduler.set_alpha_to_one && scheduler.rescale_betas_zero_snr && scheduler.clip_sample &&
              scheduler.thresholding);
  EXPECT_EQ(scheduler.final_sigmas_type, FinalSigma::kSigmaMin);

  EXPECT_EQ(bundle.defaults.width, 448);
  EXPECT_EQ(bundle.defaults.height, 640);
  EXPECT_EQ(bundle.defaults.steps, 30);
  EXPECT_EQ(bundle.defaults.guidance, 5.5);
  EXPECT_EQ(bundle.defaults.sampler, SamplerKind::kEuler);
  EXPECT_EQ(bundle.defaults.schedule, ScheduleKind::kKarras);
  EXPECT_EQ(bundle.defaults.size_multiple, 64);
  EXPECT_EQ(bundle.defaults.negative, "blurry");
}

// A key whose values are the names of an enum, in its order.
struct NamedKey {
  const char* place;
  std::vector<std::string> names;
  int (*read)(const Bundle& bundle);
};

TEST(ReadBundle, ReadsTheDtypesAndNamesOfTheFormat) {
  const std::vector<NamedKey> keys{
      {"/scheduler/beta_schedule",
       {"linear", "scaled_linear", "squaredcos_cap_v2"},
       [](const Bundle& bundle) { return static_cast<int>(bundle.scheduler.beta_schedule); }},
      {"/scheduler/prediction_type",
       {"epsilon", "v_prediction", "sample"},
       [](const Bundle& bundle) { return static_cast<int>(bundle.scheduler.prediction_type); }},
      {"/scheduler/timestep_spacing",
       {"linspace", "leading", "trailing"},
       [](const Bundle& bundle) { return static_cast<int>(bundle.scheduler.timestep_spacing); }},
      {"/scheduler/final_sigmas_type",
       {"zero", "sigma_min"},
       [](const Bundle& bundle) { return static_cast<int>(bundle.scheduler.final_sigmas_type); }},
      {"/unet/dtype",
       {"float32", "bfloat16", "float16"},
       [](const Bundle& bundle) { return static_cast<int>(bundle.unet.stored); }},
  };
  for (const NamedKey& key : keys) {
    BundleFolder folder;
    for (std::size_t i = 0; i < key.names.size(); ++i) {
      folder.json()[json::json_pointer(key.place)] = key.names[i];
      folder.write_json();
      EXPECT_EQ(key.read(read_bundle(folder.path())), static_cast<int>(i)) << key.names[i];
    }
  }
}

TEST(ReadBundle, ReadsASentencePieceTokenizerAndASecondOne) {
  BundleFolder folder;
  folder.json()["tokenizers"].push_back(sentencepiece_json());
  folder.write_json();
  const Bundle bundle = read_bundle(folder.path());
  ASSERT_EQ(bundle.tokenizers.size(), 2U);
  EXPECT_EQ(bundle.tokenizers[1].kind, TokenizerKind::kSentencePiece);
  EXPECT_EQ(bundle.tokenizers[1].model, "tokenizer.model");
  EXPECT_EQ(bundle.tokenizers[1].bos, -1);
  EXPECT_EQ(bundle.tokenizers[1].eos, 2);
  EXPECT_EQ(tokenizer_files(bundle),
            (std::vector<std::string>{"tokenizer/vocab.json", "tokenizer/merges.txt", "tokenizer.model"}));
}

TEST(ReadBundle, ReadsUnetInputsInTheirOrder) {
  BundleFolder folder;
  folder.json()["text_encoder"]["pooled_width"] = 1280;
  folder.json()["unet"]["inputs"] = {"guidance", "context", "time_ids", "timestep", "latent", "pooled"};
  folder.write_json();
  EXPECT_EQ(read_bundle(folder.path()).unet.inputs,
            (std::vector<UnetInput>{UnetInput::kGuidance, UnetInput::kContext, UnetInput::kTimeIds,
                                    UnetInput::kTimestep, UnetInput::kLatent, UnetInput::kPooled}));
}

TEST(ReadBundle, TakesAUnetWithMoreInputsThanOutputsForInpaintingButNotWithFewer) {
  BundleFolder folder;
  folder.json()["unet"]["in_channels"] = 9;
  folder.write_json();
  EXPECT_EQ(read_bundle(folder.path()).unet.in_channels, 9);
  folder.json()["unet"]["in_channels"] = 3;
  folder.write_json();
  const auto message = message_of(ExitCode::kBadData, [&folder] { return read_bundle(folder.path()); });
  EXPECT_TRUE(has(message, "vae.latent_channels is more than unet.in_channels, which is 3; export the model again"));
}

TEST(ReadBundle, DoesWithoutTheOptionalKeys) {
  BundleFolder folder;
  json& document = folder.json();
  for (const char* key : {"family", "licence", "source", "exporter"}) document.erase(key);
  for (const char* key : {"thresholding", "clip_sample", "rescale_betas_zero_snr", "final_sigmas_type"}) {
    document["scheduler"].erase(key);
  }
  document["vae"].erase("encoder");
  document["defaults"].erase("negative");
  document["tokenizers"][0].erase("special");
  folder.write_json();
  const Bundle bundle = read_bundle(folder.path());
  EXPECT_EQ(bundle.family + bundle.licence + bundle.defaults.negative, "");
  EXPECT_FALSE(bundle.vae.encoder.has_value());
  EXPECT_TRUE(bundle.tokenizers[0].special.empty());
  EXPECT_FALSE(bundle.scheduler.thresholding || bundle.scheduler.clip_sample ||
               bundle.scheduler.rescale_betas_zero_snr);
  EXPECT_EQ(bundle.scheduler.final_sigmas_type, FinalSigma::kZero);

  document["vae"]["encoder"] = nullptr;
  folder.write_json();
  EXPECT_FALSE(read_bundle(folder.path()).vae.encoder.has_value());
}

TEST(ReadBundle, ReadsTrainedBetasInsteadOfTheBetaKeys) {
  BundleFolder folder;
  json& scheduler = folder.json()["scheduler"];
  scheduler["num_train_timesteps"] = 4;
  folder.json()["defaults"]["steps"] = 4;
  scheduler["trained_betas"] = {0.1, 0.2, 0.3, 0.4};
  for (const char* key : {"beta_schedule", "beta_start", "beta_end"}) scheduler.erase(key);
  folder.write_json();
  const SchedulerConfig config = read_bundle(folder.path()).scheduler;
  EXPECT_EQ(config.beta_schedule, BetaSchedule::kTrained);
  EXPECT_EQ(config.trained_betas, (std::vector<double>{0.1, 0.2, 0.3, 0.4}));
}

}  // namespace
}  // namespace txt2img
