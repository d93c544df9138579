#include "module/script_module.h"

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "fixtures/toy_bundle.h"
#include "txt2img/error.h"

namespace txt2img {
namespace {

class ScriptModuleTest : public testing::Test {
 protected:
  ScriptModule load(const std::string& code, c10::ScalarType dtype = at::kFloat) {
    write_module(file_, code);
    return {file_, at::kCPU, dtype};
  }

  void TearDown() override { std::filesystem::remove(file_); }

  const std::filesystem::path file_ =
      std::filesystem::temp_directory_path() / ("module_" + std::to_string(getpid()) + ".pt");
};

std::string message_of(const std::function<void()>& work, ExitCode wanted) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), wanted);
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return {};
}

TEST_F(ScriptModuleTest, ReturnsABareTensor) {
  const auto output = load("def forward(self, x):\n    return x + self.one\n").run({at::ones({2})});
  ASSERT_EQ(output.size(), 1U);
  EXPECT_EQ(output[0].sum().item<float>(), 4);
}

TEST_F(ScriptModuleTest, ReturnsTheTensorsOfATuple) {
  const auto output = load("def forward(self, x):\n    return x, x * 3\n").run({at::ones({2})});
  ASSERT_EQ(output.size(), 2U);
  EXPECT_EQ(output[1].sum().item<float>(), 6);
}

TEST_F(ScriptModuleTest, CastsFloatsAndLeavesIntegersAlone) {
  const ScriptModule module = load("def forward(self, x):\n    return self.one, self.index\n", at::kBFloat16);
  const auto output = module.run({at::ones({1})});
  EXPECT_EQ(output[0].scalar_type(), at::kBFloat16);
  EXPECT_EQ(output[1].scalar_type(), at::kLong);
}

TEST_F(ScriptModuleTest, SaysWhichFileIsNotAModule) {
  std::ofstream(file_) << "not a module";
  const std::string message = message_of([&] { ScriptModule(file_, at::kCPU, at::kFloat); }, ExitCode::kBadData);
  EXPECT_NE(message.find(file_.string()), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

TEST_F(ScriptModuleTest, SaysInOneLineWhyACallFailed) {
  const ScriptModule module = load("def forward(self, x):\n    return x.view(7, 7)\n");
  const std::string message = message_of([&] { static_cast<void>(module.run({at::ones({2})})); }, ExitCode::kBadData);
  EXPECT_NE(message.find("[7, 7]"), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

TEST_F(ScriptModuleTest, TellsThatMemoryIsShort) {
  const ScriptModule module = load("def forward(self, x):\n    return torch.empty([1 << 46])\n");
  message_of([&] { static_cast<void>(module.run({at::ones({1})})); }, ExitCode::kUnavailable);
}

TEST_F(ScriptModuleTest, KnowsAWeightWithTwoNamesOnce) {
  torch::jit::Module tied("Tied");
  const at::Tensor weight = at::ones({2}).to(at::kHalf);
  tied.register_parameter("a", weight, /*is_buffer=*/false);
  tied.register_parameter("b", weight, /*is_buffer=*/false);
  tied.define("def forward(self, x):\n    return self.a + self.b\n");
  tied.save(file_.string());
  const ScriptModule module(file_, at::kCPU, at::kFloat);
  ASSERT_EQ(module.weights().size(), 1U);
  EXPECT_EQ(module.weights()[0].stored, at::kHalf);
}

TEST_F(ScriptModuleTest, CannotBeSplitWithoutForward) {
  const ScriptModule module = load("def other(self, x):\n    return x\n");
  message_of([&] { static_cast<void>(module.split()); }, ExitCode::kBadData);
}

TEST_F(ScriptModuleTest, RefusesTheWrongNumberOfInputs) {
  const ScriptModule module = load("def forward(self, x):\n    return x\n");
  message_of([&] { static_cast<void>(module.run({at::ones({1}), at::ones({1})})); }, ExitCode::kBadData);
}

}  // namespace
}  // namespace txt2img
