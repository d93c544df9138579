#include "module/modules.h"

#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <type_traits>

#include "fixtures/cpu_placement.h"
#include "fixtures/expect_error.h"
#include "fixtures/toy_bundle.h"

namespace txt2img {
namespace {

// Tells when it is freed.
struct Thing {
  explicit Thing(bool& flag) : is_there(&flag) { flag = true; }
  Thing(const Thing&) = delete;
  Thing& operator=(const Thing&) = delete;
  ~Thing() { *is_there = false; }

  bool* is_there;
};

TEST(Lease, FreesItsModuleAtTheEnd) {
  bool is_there = false;
  {
    const Lease<Thing> lease(new Thing(is_there));
    EXPECT_TRUE(is_there);
  }
  EXPECT_FALSE(is_there);
}

TEST(Lease, FreesItsModuleWhereSomethingIsThrown) {
  bool is_there = false;
  try {
    const Lease<Thing> lease(new Thing(is_there));
    throw std::runtime_error("");
  } catch (const std::runtime_error&) {
    EXPECT_FALSE(is_there);
  }
}

TEST(Lease, LeavesAModuleThatIsKept) {
  bool is_there = false;
  const Thing kept(is_there);
  {
    const Lease<const Thing> lease(&kept, {.frees = false});
  }
  EXPECT_TRUE(is_there);
}

// A toy whose text encoder's file goes away after it was leased once.
class ModulesTest : public testing::Test {
 protected:
  Modules modules(MemoryUse memory) { return {bundle_, cpu_placement(memory)}; }
  void remove_file() const { std::filesystem::remove(toy_.folder() / bundle_.text_encoder.file); }

  const c10::InferenceMode guard_{};
  ToyBundle toy_;
  Bundle bundle_ = toy_.bundle();
};

TEST_F(ModulesTest, AreLoadedOnceWhereTheyAreKept) {
  Modules kept = modules(MemoryUse::kNormal);
  const TextEncoder* const first = kept.text_encoder().get();
  remove_file();
  EXPECT_EQ(kept.text_encoder().get(), first);
}

TEST_F(ModulesTest, AreLoadedForEachLeaseInLowMemory) {
  Modules low = modules(MemoryUse::kLow);
  EXPECT_NE(low.text_encoder().get(), nullptr);
  remove_file();
  expect_error(ExitCode::kBadData, [&] { low.text_encoder(); });
}

TEST_F(ModulesTest, AreLoadedBeforeAPictureIsDueUnlessMemoryIsLow) {
  Modules kept = modules(MemoryUse::kNormal);
  kept.load();
  Modules low = modules(MemoryUse::kLow);
  low.load();
  remove_file();
  EXPECT_NO_THROW(kept.text_encoder());
  EXPECT_ANY_THROW(low.text_encoder());
}

TEST_F(ModulesTest, AnEncoderOfPicturesIsLoadedOnlyWhereItIsNeeded) {
  bundle_.vae.encoder = "missing.pt";
  Modules kept = modules(MemoryUse::kNormal);
  EXPECT_NO_THROW(kept.load());
  EXPECT_ANY_THROW(kept.vae_encoder());
}

}  // namespace
}  // namespace txt2img
