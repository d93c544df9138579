#include "txt2img/record.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "fixtures/expect_error.h"
#include "fixtures/record_fixture.h"
#include "fixtures/scratch_folder.h"
#include "txt2img/sha256.h"

namespace txt2img {
namespace {

using namespace std::string_literals;

constexpr const char* kSettings =
    R"({"prompt":"two red apples","negative":"grey","seed":9223372036854775807,"steps":20,"guidance":7.5,)"
    R"("guidance_rescale":0,"width":64,"height":72,"sampler":"dpmpp_2m","schedule":"karras","eta":0,"clip_skip":1})";

TEST(Record, WritesSettingsInTheOrderOfThePromptFiles) { EXPECT_EQ(settings_json(make_record().settings), kSettings); }

// The format that pictures in the world have: a change here is a new version.
TEST(Record, WritesTheWholeRecordOnOneLine) {
  EXPECT_EQ(record_json(make_record()),
            R"({"format":"txt2img-record","version":1,"program":"0.1.0","job_key":")" + hash('1') +
                R"(","model":{"name":"stickers","sha256":"0123456789abcdef)" + std::string(48, '2') +
                R"("},"settings":)" + kSettings + R"(,"device":"cpu","dtype":"float32","vae_dtype":"float16",)" +
                R"("stages":{"ids":")" + hash('3') + R"(","context":")" + hash('4') + R"(","noise":")" + hash('5') +
                R"(","latent":")" + hash('6') + R"(","pixels":")" + hash('7') + R"("}})");
}

TEST(Record, TellsOfRetriesOnlyWhereThereWereSome) {
  Record record = make_record();
  const std::string key = job_key(record);
  EXPECT_EQ(record_json(record).find("retries"), std::string::npos);
  record.retries = {Retry::kVaeFloat32, Retry::kVaeTiled, Retry::kSmallerBatch};
  EXPECT_TRUE(record_json(record).ends_with(R"(,"retries":["vae_float32","vae_tiled","smaller_batch"]})"));
  expect_equal(parse_record(record_json(record)), record);
  EXPECT_EQ(job_key(record), key);
}

// A run goes on, and its shards run, on machines that differ.
TEST(Record, TellsOfTheMachineWhichIsNoPartOfTheJob) {
  Record record = make_record();
  const std::string key = job_key(record);
  record.machine = {.threads = 2, .instructions = "AVX512", .libtorch = "2.13.0"};
  EXPECT_TRUE(
      record_json(record).ends_with(R"(,"machine":{"threads":2,"instructions":"AVX512","libtorch":"2.13.0"}})"));
  EXPECT_EQ(machine_text(*record.machine), "2 threads, AVX512, LibTorch 2.13.0");
  expect_equal(parse_record(record_json(record)), record);
  EXPECT_EQ(job_key(record), key);
  record.device = "cuda";
  record.machine = {.gpu = "NVIDIA H200", .libtorch = "2.13.0"};
  EXPECT_TRUE(record_json(record).ends_with(R"(,"machine":{"gpu":"NVIDIA H200","libtorch":"2.13.0"}})"));
  EXPECT_EQ(machine_text(*record.machine), "NVIDIA H200, LibTorch 2.13.0");
  expect_equal(parse_record(record_json(record)), record);
}

// Keys of the default ones are those of old.
TEST(Record, LeversThatAreNotTheDefaultBelongToTheJob) {
  Record record = make_record();
  const std::string key = job_key(record);
  EXPECT_EQ(record_json(record).find("levers"), std::string::npos);
  record.levers = "attention,packed";
  expect_equal(parse_record(record_json(record)), record);
  const std::string other = job_key(record);
  EXPECT_NE(other, key);
  record.levers = "none";
  EXPECT_NE(job_key(record), key);
  EXPECT_NE(job_key(record), other);
}

TEST(Record, ReadsBackWhatItWrites) {
  Record record = make_record();
  expect_equal(parse_record(record_json(record)), record);
  record.settings.prompt = "two\nlines, \"quotes\", \\, \u4e24\u4e2a \U0001F34E, \x01, \x7f, "s + '\0';
  record.settings.seed = 0;
  record.settings.clip_skip = 12;
  record.device = "cuda";
  record.precision = Precision::kBfloat16;
  for (const double number : {0.1, 1.0 / 3, 1e-7, 5e-324, 0.30000000000000004, 1.0, 2e-308}) {
    record.settings.guidance = 999 * number;
    record.settings.guidance_rescale = record.settings.sampler_options.eta = number;
    expect_equal(parse_record(record_json(record)), record);
  }
  for (const SamplerInfo& sampler : samplers()) {
    for (const ScheduleInfo& schedule : schedules()) {
      record.settings.sampler = sampler.kind;
      record.settings.schedule = schedule.kind;
      expect_equal(parse_record(record_json(record)), record);
    }
  }
}

TEST(Record, ReadsBackEveryParameterOfSamplersAndModels) {
  Record record = make_record();
  SamplerOptions& options = record.settings.sampler_options;
  const std::map<std::string_view, std::string_view> choices{{"solver_type", "heun"},
                                                             {"solver_prediction", "epsilon"},
                                                             {"lower_order_final", "false"},
                                                             {"euler_at_final", "true"},
                                                             {"final_sigmas_type", "sigma_min"}};
  for (const SamplerOptionInfo& row : sampler_options()) {
    const auto choice = choices.find(row.name);
    set_option(options, row, choice == choices.end() ? "1" : choice->second);
  }
  options.sigmas = {14.5, 0.25, 0};
  options.timesteps = {999, 3};
  record.settings.size_conditioning = {.original_size = {640, 480}, .crop = {1, 2}, .target_size = {64, 72}};
  EXPECT_EQ(parse_record(record_json(record)).settings, record.settings);
}

TEST(Record, WritesNumbersAsShortAsTheyReadBack) {
  Settings settings = make_record().settings;
  for (const auto& [number, text] : {std::pair{7.0, "7"},
                                     {7.5, "7.5"},
                                     {0.1, "0.1"},
                                     {1e-5, "1e-05"},
                                     {0.1 + 0.2, "0.30000000000000004"},
                                     {9007199254740993.0, "9007199254740992"}}) {
    settings.guidance = number;
    const std::string expected = "\"guidance\":"s + text + ",";
    EXPECT_NE(settings_json(settings).find(expected), std::string::npos) << settings_json(settings);
  }
}

TEST(Record, KeyIsTheHashOfCanonicalJson) {
  const std::string canonical =
      R"({"device":"cpu","dtype":"float32","key_version":1,"model_sha256":"0123456789abcdef)" + std::string(48, '2') +
      R"(","settings":{"clip_skip":1,"eta":0,"guidance":7.5,"guidance_rescale":0,"height":72,"negative":"grey",)" +
      R"("prompt":"two red apples","sampler":"dpmpp_2m","schedule":"karras","seed":9223372036854775807,"steps":20,)" +
      R"("width":64},"vae_dtype":"float16"})";
  EXPECT_EQ(job_key(make_record()), sha256_hex(std::as_bytes(std::span(canonical))));
}

TEST(Record, KeyDependsOnAllThatDeterminesThePixels) {
  const std::vector<std::function<void(Record&)>> changes = {
      [](Record&) {},
      [](Record& r) { r.model_sha256[0] = 'f'; },
      [](Record& r) { r.device = "cuda"; },
      [](Record& r) { r.precision = Precision::kFloat16; },
      [](Record& r) { r.vae_precision = Precision::kFloat32; },
      [](Record& r) { r.settings.prompt += ' '; },
      [](Record& r) { r.settings.negative.clear(); },
      [](Record& r) { r.settings.seed = 0; },
      [](Record& r) { r.settings.steps = 21; },
      [](Record& r) { r.settings.guidance = 7.500000000000001; },
      [](Record& r) { r.settings.guidance_rescale = 0.5; },
      [](Record& r) { std::swap(r.settings.width, r.settings.height); },
      [](Record& r) { r.settings.sampler = SamplerKind::kEuler; },
      [](Record& r) { r.settings.schedule = ScheduleKind::kModel; },
      [](Record& r) { r.settings.sampler_options.eta = 1; },
      [](Record& r) { r.settings.clip_skip = 2; },
      [](Record& r) { r.settings.sampler_options.s_churn = 2; },
      [](Record& r) { r.settings.sampler_options.solver_type = SolverType::kHeun; },
      [](Record& r) { r.settings.sampler_options.lower_order_final = false; },
      [](Record& r) { r.settings.sampler_options.sigmas = {2, 1}; },
      [](Record& r) { r.settings.sampler_options.timesteps = {2, 1}; },
      [](Record& r) { r.settings.size_conditioning.crop.second = 8; },
      [](Record& r) { r.settings.size_conditioning.original_size.first = 8; },
  };
  std::set<std::string> keys;
  for (const auto& change : changes) {
    Record record = make_record();
    change(record);
    keys.insert(job_key(record));
  }
  EXPECT_EQ(keys.size(), changes.size());
}

TEST(Record, KeyDependsOnNothingElse) {
  Record record = make_record();
  record.version = "9.9.9";
  record.job_key = hash('f');
  record.model = "another name";
  record.stages = {};
  EXPECT_EQ(job_key(record), job_key(make_record()));
}

TEST(Record, WritesParametersAsAutomatic1111Does) {
  EXPECT_EQ(parameters_text(make_record()),
            "two red apples\n"
            "Negative prompt: grey\n"
            "Steps: 20, Sampler: DPM++ 2M Karras, CFG scale: 7.5, Seed: 9223372036854775807, Size: 64x72, "
            "Model hash: 0123456789, Model: stickers, Version: txt2img 0.1.0");
}

TEST(Record, WritesOnlyTheParametersThatSaySomething) {
  Record record = make_record();
  record.settings.negative.clear();
  record.settings.sampler = SamplerKind::kDdim;
  record.settings.schedule = ScheduleKind::kTrailing;
  record.settings.sampler_options.eta = 0.5;
  record.settings.guidance_rescale = 0.7;
  record.settings.clip_skip = 2;
  EXPECT_EQ(parameters_text(record),
            "two red apples\n"
            "Steps: 20, Sampler: DDIM, CFG scale: 7.5, Seed: 9223372036854775807, Size: 64x72, Model hash: 0123456789, "
            "Model: stickers, Clip skip: 2, Eta DDIM: 0.5, CFG Rescale: 0.7, Version: txt2img 0.1.0");
  record.settings.prompt.clear();
  EXPECT_TRUE(parameters_text(record).starts_with("Steps: 20"));
}

TEST(Record, NamesSamplersAsAutomatic1111Does) {
  const auto sampler_of = [](SamplerKind sampler, ScheduleKind schedule) {
    Record record = make_record();
    record.settings.sampler = sampler;
    record.settings.schedule = schedule;
    const std::string text = parameters_text(record);
    const std::size_t begin = text.find("Sampler: ") + 9;
    return text.substr(begin, text.find(',', begin) - begin);
  };
  EXPECT_EQ(sampler_of(SamplerKind::kDdim, ScheduleKind::kModel), "DDIM");
  EXPECT_EQ(sampler_of(SamplerKind::kEuler, ScheduleKind::kKarras), "Euler Karras");
  EXPECT_EQ(sampler_of(SamplerKind::kEulerAncestral, ScheduleKind::kLinspace), "Euler a");
  EXPECT_EQ(sampler_of(SamplerKind::kDpmpp2m, ScheduleKind::kExponential), "DPM++ 2M Exponential");
  for (const SamplerInfo& sampler : samplers()) {
    const SamplerChoice choice = parse_sampler(sampler_of(sampler.kind, ScheduleKind::kKarras));
    EXPECT_EQ(choice.sampler, sampler.kind);
    EXPECT_EQ(choice.schedule, ScheduleKind::kKarras);
  }
}

TEST(Record, QuotesModelNamesThatHaveCommas) {
  Record record = make_record();
  record.model = "a, \"b\": c";
  EXPECT_NE(parameters_text(record).find(R"(, Model: "a, \"b\": c", Version)"), std::string::npos);
}

TEST(Record, APictureCarriesItThereAndBack) {
  const ScratchFolder folder;
  for (const std::string& prompt : {"caf\u00e9"s, "\u4e24\u4e2a\u82f9\u679c\n\U0001F34E"s, "a\0b"s}) {
    Record record = make_record();
    record.settings.prompt = prompt;
    const Image image = {.width = 1, .height = 1, .rgb = {1, 2, 3}};
    const std::filesystem::path path = write_bytes(folder / "x.png", encode_png(image, record_chunks(record)));
    const std::optional<Record> read = read_record(path);
    ASSERT_TRUE(read);
    expect_equal(*read, record);

    const std::vector<PngText> texts = read_png_texts(path);
    ASSERT_EQ(texts.size(), 3U);
    EXPECT_EQ(texts[0], (PngText{.keyword = "Software", .text = "txt2img 0.1.0"}));
    EXPECT_EQ(texts[1].keyword, "parameters");
    EXPECT_EQ(texts[1].text, parameters_text(record));
    EXPECT_EQ(texts[2], (PngText{.keyword = "txt2img", .text = record_json(record), .international = true}));
  }
}

TEST(Record, APictureOfAnotherProgramHasNone) {
  const ScratchFolder folder;
  const Image image = {.width = 1, .height = 1, .rgb = {1, 2, 3}};
  const std::vector<PngText> texts = {{.keyword = "parameters", .text = "Steps: 1"}};
  EXPECT_FALSE(read_record(write_bytes(folder / "x.png", encode_png(image, texts))));
  expect_error(ExitCode::kMissingInput, [&] { read_record(folder / "absent.png"); });
}

TEST(Record, SaysWhichPictureHasABrokenRecord) {
  const ScratchFolder folder;
  const Image image = {.width = 1, .height = 1, .rgb = {1, 2, 3}};
  const std::vector<PngText> texts = {{.keyword = "txt2img", .text = "{}"}};
  const std::filesystem::path path = write_bytes(folder / "broken.png", encode_png(image, texts));
  const std::string message = expect_error(ExitCode::kBadData, [&] { read_record(path); });
  EXPECT_NE(message.find("broken.png"), std::string::npos) << message;
}

TEST(Record, VersionIsThatOfTheBuild) { EXPECT_EQ(version(), TXT2IMG_VERSION); }

}  // namespace
}  // namespace txt2img
