// GroupNorm (Wu and He 2018), and SiLU after it, of pictures that lie channels last, in half precision: what the
// threads of one block do. nvcc compiles it for a GPU (group_norm.cu); the tests compile it for the CPU and let the
// threads run one after another, phase by phase.
//
// The pixels of a picture are dealt to blocks. First each block adds up its part, then each adds up what all found and
// changes its part. Sums are of differences to a value of the group, since the square of a mean would swallow a small
// variance; they are taken in one order, so that a picture has the same bytes in each run.
#pragma once

#include <c10/macros/Macros.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <type_traits>

namespace txt2img {

inline constexpr int kGroupNormWidth = 8;         // channels of a thread: 16 bytes, the most that one load can take
inline constexpr int kGroupNormThreadsMax = 768;  // their sums fill the 48 KiB that every GPU lets a block share
inline constexpr int kGroupNormThreads = 256;     // about as many as a block should have
inline constexpr int kGroupNormChunksMax = 64;    // blocks for a picture

struct GroupNormSizes {
  int pictures = 0, pixels = 0, channels = 0, groups = 0;
  int columns = 0;  // threads side by side that take one pixel
  int rows = 0;     // pixels that a block takes at once
  int chunks = 0;   // blocks for a picture
  int chunk = 0;    // pixels of a block

  [[nodiscard]] C10_HOST_DEVICE int threads() const { return columns * rows; }
  [[nodiscard]] C10_HOST_DEVICE int channels_of_group() const { return channels / groups; }
};

// Nothing where the threads do not fit the channels.
inline std::optional<GroupNormSizes> group_norm_sizes(std::int64_t pictures, std::int64_t pixels, std::int64_t channels,
                                                      std::int64_t groups) {
  constexpr std::int64_t kPicturesMax = 65535;  // of a grid
  constexpr std::int64_t kPixelsMax = 1 << 28;
  const std::int64_t columns = channels / kGroupNormWidth;
  if (channels % kGroupNormWidth != 0 || groups < 1 || channels % groups != 0 || columns < 1 ||
      columns > kGroupNormThreadsMax || pictures < 1 || pictures > kPicturesMax || pixels < 1 || pixels > kPixelsMax)
    return std::nullopt;
  const auto divide = [](std::int64_t a, std::int64_t b) { return (a + b - 1) / b; };
  const std::int64_t rows = divide(kGroupNormThreads, columns);
  if (groups > columns * rows || columns * rows > kGroupNormThreadsMax) return std::nullopt;
  const std::int64_t chunk = divide(pixels, std::min<std::int64_t>(kGroupNormChunksMax, divide(pixels, rows)));
  GroupNormSizes sizes;
  sizes.pictures = static_cast<int>(pictures);
  sizes.pixels = static_cast<int>(pixels);
  sizes.channels = static_cast<int>(channels);
  sizes.groups = static_cast<int>(groups);
  sizes.columns = static_cast<int>(columns);
  sizes.rows = static_cast<int>(rows);
  sizes.chunks = static_cast<int>(divide(pixels, chunk));
  sizes.chunk = static_cast<int>(chunk);
  return sizes;
}

struct GroupNormSums {
  float sum, squares;  // at the end of finish(): mean, 1 / standard deviation
};

template <typename T>
struct GroupNormCall {
  GroupNormSizes sizes{};
  const T* x = nullptr;            // (pictures, pixels, channels)
  const T* weight = nullptr;       // (channels), or null: ones
  const T* bias = nullptr;         // (channels), or null: zeros
  T* y = nullptr;                  // as x
  GroupNormSums* found = nullptr;  // (pictures, chunks, groups)
  float epsilon = 0;
  bool has_silu = false;
};

// `shared` has room for kGroupNormWidth sums of each thread. All threads end a phase before one begins the next.
template <typename T>
class GroupNormBlock {
 public:
  C10_HOST_DEVICE GroupNormBlock(const GroupNormCall<T>& call, int picture, int chunk)
      : call_(call), picture_(picture), chunk_(chunk) {}

  // --- the first kernel: two phases ---
  C10_HOST_DEVICE void add_channels(int thread, GroupNormSums* shared) const {
    const int column = thread % sizes().columns;
    float pivots[kGroupNormWidth];
    GroupNormSums sums[kGroupNormWidth];
    for (int i = 0; i < kGroupNormWidth; ++i) {
      pivots[i] = pivot(group_of(column * kGroupNormWidth + i));
      sums[i] = {0, 0};
    }
    for (int pixel = first_pixel(thread); pixel < end(); pixel += sizes().rows) {
      const Vector vector = *vector_at(call_.x, pixel, column);
      for (int i = 0; i < kGroupNormWidth; ++i) {
        const float value = static_cast<float>(vector.values[i]) - pivots[i];
        sums[i].sum += value;
        sums[i].squares += value * value;
      }
    }
    // Neighbours write side by side.
    for (int i = 0; i < kGroupNormWidth; ++i) shared[i * sizes().threads() + thread] = sums[i];
  }

  C10_HOST_DEVICE void add_groups(int thread, const GroupNormSums* shared) const {
    if (thread >= sizes().groups) return;
    const int begin = thread * sizes().channels_of_group();
    GroupNormSums sums = {0, 0};
    for (int row = 0; row < sizes().rows; ++row) {
      for (int channel = begin; channel < begin + sizes().channels_of_group(); ++channel) {
        const int owner = row * sizes().columns + channel / kGroupNormWidth;
        add(sums, shared[channel % kGroupNormWidth * sizes().threads() + owner]);
      }
    }
    *found(chunk_, thread) = sums;
  }

  // --- the second kernel: three phases ---
  C10_HOST_DEVICE void gather(int thread, GroupNormSums* shared) const {
    const int group = thread % sizes().groups;
    const int part = thread / sizes().groups;
    if (part >= parts()) return;
    GroupNormSums sums = {0, 0};
    for (int chunk = part; chunk < sizes().chunks; chunk += parts()) add(sums, *found(chunk, group));
    shared[part * sizes().groups + group] = sums;
  }

  C10_HOST_DEVICE void finish(int thread, GroupNormSums* shared) const {
    if (thread >= sizes().groups) return;
    GroupNormSums sums = {0, 0};
    for (int part = 0; part < parts(); ++part) add(sums, shared[part * sizes().groups + thread]);
    const float count = static_cast<float>(sizes().pixels) * static_cast<float>(sizes().channels_of_group());
    const float mean = sums.sum / count;
    const float variance = sums.squares / count - mean * mean;
    const float deviation = std::sqrt((variance > 0 ? variance : 0) + call_.epsilon);
    shared[thread] = {mean + pivot(thread), 1 / deviation};
  }

  C10_HOST_DEVICE void apply(int thread, const GroupNormSums* shared) const {
    const int column = thread % sizes().columns;
    float means[kGroupNormWidth], scales[kGroupNormWidth], shifts[kGroupNormWidth];
    for (int i = 0; i < kGroupNormWidth; ++i) {
      const int channel = column * kGroupNormWidth + i;
      const GroupNormSums facts = shared[group_of(channel)];
      means[i] = facts.sum;
      scales[i] = facts.squares * (call_.weight == nullptr ? 1 : static_cast<float>(call_.weight[channel]));
      shifts[i] = call_.bias == nullptr ? 0 : static_cast<float>(call_.bias[channel]);
    }
    for (int pixel = first_pixel(thread); pixel < end(); pixel += sizes().rows) {
      Vector vector = *vector_at(call_.x, pixel, column);
      for (int i = 0; i < kGroupNormWidth; ++i) {
        const float value = (static_cast<float>(vector.values[i]) - means[i]) * scales[i] + shifts[i];
        vector.values[i] = static_cast<T>(call_.has_silu ? value / (1 + std::exp(-value)) : value);
      }
      *vector_at(call_.y, pixel, column) = vector;
    }
  }

 private:
  struct alignas(kGroupNormWidth * sizeof(T)) Vector {
    T values[kGroupNormWidth];
  };

  [[nodiscard]] C10_HOST_DEVICE const GroupNormSizes& sizes() const { return call_.sizes; }
  [[nodiscard]] C10_HOST_DEVICE int parts() const { return sizes().threads() / sizes().groups; }
  [[nodiscard]] C10_HOST_DEVICE int group_of(int channel) const { return channel / sizes().channels_of_group(); }

  [[nodiscard]] C10_HOST_DEVICE int first_pixel(int thread) const {
    return chunk_ * sizes().chunk + thread / sizes().columns;
  }
  [[nodiscard]] C10_HOST_DEVICE int end() const {
    const int end = (chunk_ + 1) * sizes().chunk;
    return end < sizes().pixels ? end : sizes().pixels;
  }

  // The first value of a group: whatever the mean is, it is as near to it as the others.
  [[nodiscard]] C10_HOST_DEVICE float pivot(int group) const {
    const std::int64_t place = static_cast<std::int64_t>(picture_) * sizes().pixels * sizes().channels;
    return static_cast<float>(call_.x[place + group * sizes().channels_of_group()]);
  }

  template <typename Value>
  [[nodiscard]] C10_HOST_DEVICE auto* vector_at(Value* values, int pixel, int column) const {
    using Wanted = std::conditional_t<std::is_const_v<Value>, const Vector, Vector>;
    const std::int64_t row = static_cast<std::int64_t>(picture_) * sizes().pixels + pixel;
    return reinterpret_cast<Wanted*>(values) + row * sizes().columns + column;
  }

  [[nodiscard]] C10_HOST_DEVICE GroupNormSums* found(int chunk, int group) const {
    return call_.found + (static_cast<std::int64_t>(picture_) * sizes().chunks + chunk) * sizes().groups + group;
  }

  static C10_HOST_DEVICE void add(GroupNormSums& sums, const GroupNormSums& more) {
    sums.sum += more.sum;
    sums.squares += more.squares;
  }

  const GroupNormCall<T>& call_;
  int picture_, chunk_;
};

}  // namespace txt2img
