// parse_record(): what it refuses.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "fixtures/expect_error.h"
#include "fixtures/record_fixture.h"

namespace txt2img {
namespace {

using nlohmann::json;

// Every member of the document, by JSON pointer.
std::vector<json::json_pointer> members_of(const json& document) {
  std::vector<json::json_pointer> members;
  const json flat = document.flatten();
  for (const auto& [pointer, value] : flat.items()) {
    for (json::json_pointer p(pointer); !p.empty(); p = p.parent_pointer()) members.push_back(p);
  }
  return members;
}

void expect_refused(const json& document) {
  const std::string text = document.dump();
  SCOPED_TRACE(text);
  expect_error(ExitCode::kBadData, [&] { parse_record(text); });
}

TEST(ParseRecord, RefusesAMissingRenamedOrMistypedMember) {
  const json good = json::parse(record_json(make_record()));
  EXPECT_NO_THROW(parse_record(good.dump()));
  for (const json::json_pointer& member : members_of(good)) {
    json without = good;
    without[member.parent_pointer()].erase(member.back());
    expect_refused(without);
    without[member.parent_pointer()][member.back() + "s"] = good[member];
    expect_refused(without);
    for (const json& wrong : {json(nullptr), json(true), json::array(), json::object(), json(-1)}) {
      json mistyped = good;
      mistyped[member] = wrong;
      expect_refused(mistyped);
    }
    json mistyped = good;
    mistyped[member] = good[member].is_string() ? json(7) : json("7");
    expect_refused(mistyped);
  }
}

TEST(ParseRecord, RefusesAMachineThatIsNone) {
  json document = json::parse(record_json(make_record()));
  const json good = {{"threads", 2}, {"instructions", "AVX2"}, {"libtorch", "2.13.0"}};
  document["machine"] = good;
  EXPECT_NO_THROW(parse_record(document.dump()));
  for (const auto& [key, value] : {std::pair{"threads", json(0)},
                                   {"threads", json(1.5)},
                                   {"libtorch", json("")},
                                   {"instructions", json(std::string(201, 'x'))},
                                   {"gpu", json("H200")}}) {
    document["machine"] = good;
    document["machine"][key] = value;
    expect_refused(document);
  }
  document["machine"] = good;
  document["device"] = "cuda";
  expect_refused(document);
}

// A cast would have made 1 of 1.9, and anything of 1e300.
TEST(ParseRecord, RefusesPixelsThatAreNoWholeNumbers) {
  json document = json::parse(record_json(make_record()));
  document["settings"]["crop"] = {0, 64};
  EXPECT_EQ(parse_record(document.dump()).settings.size_conditioning.crop.second, 64);
  for (const json& wrong : {json(1.9), json(1e300), json(-1), json(64.0), json(16385)}) {
    document["settings"]["crop"] = {0, wrong};
    expect_refused(document);
  }
}

TEST(ParseRecord, RefusesUnknownRetries) {
  json document = json::parse(record_json(make_record()));
  document["retries"] = {"vae_tiled"};
  EXPECT_NO_THROW(parse_record(document.dump()));
  for (const json& wrong : {json("vae_tiled"), json({"vae_tiled", "magic"}), json({1}), json(nullptr)}) {
    document["retries"] = wrong;
    expect_refused(document);
  }
}

TEST(ParseRecord, RefusesUnknownMembers) {
  const json good = json::parse(record_json(make_record()));
  for (const char* object : {"", "/model", "/settings", "/stages"}) {
    json more = good;
    more[json::json_pointer(object)]["extra"] = 1;
    expect_refused(more);
  }
}

TEST(ParseRecord, RefusesValuesOutOfRange) {
  const json good = json::parse(record_json(make_record()));
  const std::vector<std::pair<const char*, json>> wrong = {{"/format", "txt2img-bundle"},
                                                           {"/version", 0},
                                                           {"/job_key", hash('g')},
                                                           {"/job_key", hash('A')},
                                                           {"/job_key", std::string(63, '1')},
                                                           {"/job_key", ""},
                                                           {"/model/sha256", std::string(65, '1')},
                                                           {"/stages/noise", "x"},
                                                           {"/settings/seed", -1},
                                                           {"/settings/seed", 18446744073709551616.0},
                                                           {"/settings/seed", 1e18},
                                                           {"/settings/seed", 1.5},
                                                           {"/settings/steps", 0},
                                                           {"/settings/steps", 10001},
                                                           {"/settings/steps", 20.0},
                                                           {"/settings/guidance", 1000.5},
                                                           {"/settings/guidance", -0.5},
                                                           {"/settings/guidance_rescale", 1.5},
                                                           {"/settings/width", 0},
                                                           {"/settings/height", 16385},
                                                           {"/settings/eta", 1.5},
                                                           {"/settings/s_churn", -1},
                                                           {"/settings/solver_order", 9},
                                                           {"/settings/solver_type", "bh3"},
                                                           {"/settings/lower_order_final", "no"},
                                                           {"/settings/sigmas", {1, -2}},
                                                           {"/settings/crop", {1, 2, 3}},
                                                           {"/settings/clip_skip", 0},
                                                           {"/settings/sampler", "DPM++ 2M"},
                                                           {"/settings/schedule", ""},
                                                           {"/device", "cuda:0"},
                                                           {"/dtype", "fp16"},
                                                           {"/vae_dtype", "float64"}};
  for (const auto& [member, value] : wrong) {
    json changed = good;
    changed[json::json_pointer(member)] = value;
    expect_refused(changed);
  }
}

TEST(ParseRecord, SaysThatALaterVersionWroteIt) {
  json later = json::parse(record_json(make_record()));
  later["version"] = 2;
  later["new"] = true;
  const std::string message = expect_error(ExitCode::kBadData, [&] { parse_record(later.dump()); });
  EXPECT_NE(message.find("later txt2img"), std::string::npos) << message;
}

TEST(ParseRecord, RefusesTextCutAnywhere) {
  const std::string text = record_json(make_record());
  for (std::size_t size = 0; size < text.size(); ++size) {
    expect_error(ExitCode::kBadData, [&] { parse_record(text.substr(0, size)); });
  }
}

TEST(ParseRecord, RefusesMoreThanOneMebibyte) {
  Record record = make_record();
  record.settings.prompt.assign(std::size_t{1} << 20U, 'x');
  expect_error(ExitCode::kBadData, [&] { parse_record(record_json(record)); });
}

}  // namespace
}  // namespace txt2img
