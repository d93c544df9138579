#include "plan/manifest.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "fixtures/manifest_fixture.h"
#include "fixtures/random_bytes.h"
#include "fixtures/scratch_folder.h"

namespace txt2img::cli {
namespace {

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string folder_of(const ScratchFolder& folder) { return (folder.path() / "").string(); }

TEST(Manifest, IsReadBackFromAllShards) {
  const ScratchFolder folder;
  append_to_manifest(manifest_path(folder_of(folder), std::nullopt), manifest_entry("a.png"), false);
  append_to_manifest(manifest_path(folder_of(folder), Shard{.number = 1, .count = 3}), manifest_entry("b\n\".png"),
                     false);
  const Manifest manifest(folder_of(folder));
  ASSERT_NE(manifest.find("a.png"), nullptr);
  ASSERT_NE(manifest.find("b\n\".png"), nullptr);
  EXPECT_EQ(manifest.find("c.png"), nullptr);
  EXPECT_EQ(manifest_line(*manifest.find("a.png")), manifest_line(manifest_entry("a.png")));
  EXPECT_EQ(manifest.run_seed(), 7U);
  EXPECT_TRUE(std::filesystem::exists(folder / "manifest.1-of-3.jsonl"));
}

TEST(Manifest, LivesWithATornLastLine) {
  const ScratchFolder folder;
  const std::filesystem::path path = manifest_path(folder_of(folder), std::nullopt);
  const std::string whole = manifest_line(manifest_entry("a.png"));
  std::ofstream(path) << whole << whole.substr(0, 50);
  append_to_manifest(path, manifest_entry("b.png"), false);
  EXPECT_EQ(content(path), whole + whole.substr(0, 50) + "\n" + manifest_line(manifest_entry("b.png")));
  EXPECT_NE(Manifest(folder_of(folder)).find("b.png"), nullptr);
}

TEST(Manifest, IsRepairedWhereARunGoesOn) {
  const ScratchFolder folder;
  const std::filesystem::path path = manifest_path(folder_of(folder), std::nullopt);
  const std::string whole = manifest_line(manifest_entry("a.png"));
  for (const std::string& before : {std::string(), whole, whole + whole}) {
    std::ofstream(path) << before << whole.substr(0, 9) << std::string(9000, 'x');
    append_to_manifest(path, manifest_entry("b.png"), true);
    EXPECT_EQ(content(path), before + manifest_line(manifest_entry("b.png")));
  }
}

TEST(Manifest, LosesNoLineOfSomebodyElse) {
  const ScratchFolder folder;
  const std::filesystem::path path = manifest_path(folder_of(folder), std::nullopt);
  std::ofstream(path) << R"({"audio": "a.wav"})";
  append_to_manifest(path, manifest_entry("b.png"), true);
  EXPECT_EQ(content(path), R"({"audio": "a.wav"})" + ("\n" + manifest_line(manifest_entry("b.png"))));
}

TEST(Manifest, PassesOverWhatIsNotALineOfIt) {
  const ScratchFolder folder;
  RandomBytes random(1);
  std::string text;
  for (int i = 0; i < 200; ++i) {
    std::string line = manifest_line(manifest_entry("a.png"));
    line[random.number(line.size())] = random.byte();
    text += line + random.text(random.number(100)) + "\n{}\n[]\n";
  }
  std::ofstream(folder / "manifest.jsonl") << text << manifest_line(manifest_entry("b.png"));
  EXPECT_NE(Manifest(folder_of(folder)).find("b.png"), nullptr);
  EXPECT_EQ(Manifest("/missing/").find("b.png"), nullptr);
}

}  // namespace
}  // namespace txt2img::cli
