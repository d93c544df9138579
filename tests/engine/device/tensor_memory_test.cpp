#include "device/tensor_memory.h"

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <cstdint>

#include "graph/torch_errors.h"

namespace txt2img {
namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;

at::Tensor bytes(std::int64_t count) { return at::empty({count}, at::kByte); }

class TensorMemoryTest : public testing::Test {
 protected:
  TensorMemoryTest() {
    keep_tensor_memory();
    return_tensor_memory();
  }
  ~TensorMemoryTest() override { return_tensor_memory(); }
};

TEST_F(TensorMemoryTest, GoesToTheNextTensorOfNearlyTheSize) {
  const at::Tensor other = bytes(8 * kMiB);
  const void* const memory = bytes(8 * kMiB).const_data_ptr();
  EXPECT_EQ(tensor_memory().kept, 8 * kMiB);
  EXPECT_EQ(bytes(7 * kMiB).const_data_ptr(), memory);
  EXPECT_NE(bytes(4 * kMiB).const_data_ptr(), memory);
  EXPECT_NE(bytes(9 * kMiB).const_data_ptr(), memory);
}

TEST_F(TensorMemoryTest, IsLittleMoreThanWasOnceInUse) {
  const std::int64_t most = 1024 * kMiB;  // more than any other test takes
  {
    const at::Tensor large = bytes(most);
  }
  EXPECT_EQ(tensor_memory().kept, most);
  const at::Tensor first = bytes(384 * kMiB);  // with the large one more than 256 MiB above the most
  EXPECT_EQ(tensor_memory().kept, 0);
  {
    const at::Tensor second = bytes(512 * kMiB);
  }
  EXPECT_EQ(tensor_memory().kept, 512 * kMiB);
  const at::Tensor third = bytes(256 * kMiB);
  EXPECT_EQ(tensor_memory().kept, 512 * kMiB);
}

TEST_F(TensorMemoryTest, IsReturnedWhenAsked) {
  {
    const at::Tensor freed = bytes(8 * kMiB);
  }
  return_tensor_memory();
  EXPECT_EQ(tensor_memory().kept, 0);
}

TEST_F(TensorMemoryTest, OfSmallTensorsIsTheLibrarys) {
  const std::size_t before = tensor_memory().used;
  const at::Tensor small = bytes(kMiB - 1);
  EXPECT_EQ(tensor_memory().used, before);
}

TEST_F(TensorMemoryTest, SaysThatItIsShort) {
  try {
    bytes(std::int64_t{1} << 46);
    FAIL() << "no error";
  } catch (const c10::Error& error) {
    EXPECT_TRUE(is_out_of_memory(error)) << error.what();
  }
}

}  // namespace
}  // namespace txt2img
