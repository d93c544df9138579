#include "graph/mapped_module.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/serialization/import.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace txt2img {
namespace {

using torch::jit::Module;

class MappedModuleTest : public testing::Test {
 protected:
  Module save_and_load(const Module& module) {
    module.save(file_.string());
    return load_mapped(file_);
  }

  // Whether the tensor's memory is a page of the file, as the kernel sees it.
  [[nodiscard]] bool is_page_of_the_file(const at::Tensor& tensor) const {
    const auto address = reinterpret_cast<std::uintptr_t>(tensor.const_data_ptr());
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
      std::uintptr_t first = 0;
      std::uintptr_t end = 0;
      char dash = 0;
      std::istringstream(line) >> std::hex >> first >> dash >> end;
      if (first <= address && address < end) return line.ends_with(file_.filename().string());
    }
    return false;
  }

  [[nodiscard]] std::string bytes() const {
    std::ifstream in(file_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  void TearDown() override { std::filesystem::remove(file_); }

  const std::filesystem::path file_ =
      std::filesystem::temp_directory_path() / ("mapped_" + std::to_string(getpid()) + ".pt");
};

TEST_F(MappedModuleTest, WeightsAreThePagesOfTheFile) {
  Module inner("Inner");
  inner.register_parameter("deep", at::randn({300, 7}), /*is_buffer=*/false);
  Module module("Outer");
  module.register_parameter("turned", at::randn({40, 30}).t(), /*is_buffer=*/false);
  module.register_parameter("half", at::randn({17}).to(at::kHalf), /*is_buffer=*/false);
  module.register_buffer("scalar", at::randn({}));
  module.register_module("inner", inner);
  module.define("def forward(self, x):\n    return self.turned @ x, self.inner.deep\n");
  const Module mapped = save_and_load(module);
  const Module copied = torch::jit::load(file_.string());
  ASSERT_EQ(mapped.named_parameters().size(), 3U);
  for (const auto& [name, value] : mapped.named_parameters()) {
    EXPECT_TRUE(is_page_of_the_file(value)) << name;
    EXPECT_TRUE(value.is_leaf());
  }
  const auto expected = copied.named_parameters();
  auto found = mapped.named_parameters().begin();
  for (const auto& parameter : expected) {
    const auto other = *found;
    EXPECT_EQ(other.name, parameter.name);
    EXPECT_TRUE(at::equal(other.value, parameter.value)) << parameter.name;
    EXPECT_EQ(other.value.strides(), parameter.value.strides()) << parameter.name;
    ++found;
  }
  EXPECT_TRUE(at::equal(mapped.attr("scalar").toTensor(), copied.attr("scalar").toTensor()));
}

TEST_F(MappedModuleTest, LivesOnWhenTheFileIsReplaced) {
  Module module("Kept");
  const at::Tensor weight = at::randn({5000});
  module.register_parameter("weight", weight, /*is_buffer=*/false);
  module.define("def forward(self, x):\n    return self.weight + x\n");
  Module mapped = save_and_load(module);
  std::filesystem::remove(file_);
  std::ofstream(file_) << "another file";
  EXPECT_TRUE(at::equal(mapped.forward({at::ones({})}).toTensor(), weight.add(1)));
}

TEST_F(MappedModuleTest, WhatItChangesStaysItsOwn) {
  Module module("Counter");
  module.register_buffer("count", at::ones({3}));
  module.define("def forward(self):\n    return self.count.add_(1)\n");
  Module mapped = save_and_load(module);
  const std::string before = bytes();
  EXPECT_TRUE(at::equal(mapped.forward({}).toTensor(), at::full({3}, 2.0)));
  EXPECT_TRUE(at::equal(mapped.forward({}).toTensor(), at::full({3}, 3.0)));
  EXPECT_EQ(bytes(), before);
  EXPECT_TRUE(at::equal(load_mapped(file_).attr("count").toTensor(), at::ones({3})));
}

TEST_F(MappedModuleTest, CodeThatRunsWhileLoadingSeesItsWeights) {
  for (const std::string check : {"", "    assert state.sum().item() == 4\n"}) {
    Module inner("Summer");
    inner.register_attribute("value", c10::TensorType::get(), at::ones({4}));
    inner.register_attribute("total", c10::TensorType::get(), at::ones({}));
    inner.define(
        "def forward(self):\n    return self.total\n"
        "def __getstate__(self) -> Tensor:\n    return self.value\n"
        "def __setstate__(self, state: Tensor) -> None:\n" +
        check + "    self.value = state\n    self.total = state.sum()\n");
    Module module("Outer");
    module.register_parameter("plain", at::ones({2}), /*is_buffer=*/false);
    module.register_module("inner", inner);
    module.define("def forward(self):\n    return self.inner.forward()\n");
    EXPECT_TRUE(at::equal(save_and_load(module).forward({}).toTensor(), at::full({}, 4.0))) << check;
  }
}

TEST_F(MappedModuleTest, KeepsWeightsTied) {
  Module module("Tied");
  const at::Tensor weight = at::randn({64});
  module.register_parameter("a", weight, /*is_buffer=*/false);
  module.register_parameter("b", weight, /*is_buffer=*/false);
  module.register_buffer("part", weight.slice(0, 16, 32).detach());
  module.define("def forward(self):\n    return self.a + self.b\n");
  const Module mapped = save_and_load(module);
  EXPECT_EQ(mapped.attr("a").toTensor().const_data_ptr(), mapped.attr("b").toTensor().const_data_ptr());
  EXPECT_TRUE(at::equal(mapped.attr("part").toTensor(), weight.slice(0, 16, 32)));
}

// Bytes of the file that this process holds in memory.
std::size_t resident_bytes(const std::filesystem::path& file) {
  std::ifstream maps("/proc/self/smaps");
  bool is_of_file = false;
  std::size_t bytes = 0;
  for (std::string line; std::getline(maps, line);) {
    if (line.find('-') < line.find(' ')) is_of_file = line.ends_with(file.filename().string());
    if (is_of_file && line.starts_with("Rss:")) bytes += std::stoull(line.substr(4)) * 1024;
  }
  return bytes;
}

TEST_F(MappedModuleTest, ReleasesPagesAndReadsThemAgain) {
  Module module("Large");
  const at::Tensor weight = at::randn({1 << 20});
  module.register_parameter("weight", weight, /*is_buffer=*/false);
  module.define("def forward(self):\n    return self.weight\n");
  const Module mapped = save_and_load(module);
  const at::Tensor mine = mapped.attr("weight").toTensor();
  EXPECT_TRUE(at::equal(mine, weight));
  EXPECT_GE(resident_bytes(file_), weight.nbytes());
  release_pages(mine);
  EXPECT_LT(resident_bytes(file_), weight.nbytes() / 4);
  EXPECT_TRUE(at::equal(mine, weight));
  release_pages(weight);  // is of no file
  EXPECT_TRUE(at::equal(mine, weight));
}

TEST_F(MappedModuleTest, ThrowsWhatLoadThrows) {
  for (const std::string& content : std::vector<std::string>{"", "not a module"}) {
    std::ofstream(file_, std::ios::trunc) << content;
    EXPECT_THROW(load_mapped(file_), c10::Error);
  }
  EXPECT_THROW(load_mapped(file_.string() + ".missing"), c10::Error);
}

}  // namespace
}  // namespace txt2img
