#include "device/tensor_memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>
#include <unordered_map>

namespace txt2img {
namespace {

constexpr std::size_t kLarge = std::size_t{1} << 20;  // bytes; smaller ones the C library keeps itself

constexpr std::size_t kSlack = std::size_t{256} << 20;
constexpr int kScratchMax = 32 << 20;  // bytes; the most that glibc takes
constexpr int kScratchKept = 256 << 20;

class Allocator final : public c10::Allocator {
 public:
  static Allocator& instance() {
    static auto* const allocator = new Allocator();  // tensors of static life outlive every other
    return *allocator;
  }

  c10::DataPtr allocate(std::size_t bytes) override {
    void* const memory = bytes < kLarge ? c10::alloc_cpu(bytes) : take(round_up(bytes));
    return {memory, memory, &give_back, c10::Device(c10::DeviceType::CPU)};
  }

  [[nodiscard]] c10::DeleterFnPtr raw_deleter() const override { return &give_back; }

  void copy_data(void* to, const void* from, std::size_t bytes) const override { std::memcpy(to, from, bytes); }

  void release_kept() {
    const std::scoped_lock lock(mutex_);
    release_down_to(0);
  }

  TensorMemory state() {
    const std::scoped_lock lock(mutex_);
    return {.used = used_bytes_, .kept = kept_bytes_};
  }

 private:
  struct Kept {
    void* memory = nullptr;
    std::uint64_t age = 0;  // smaller is older
  };

  // To an eighth of a power of two, so that tensors of nearly the same size can follow each other.
  static std::size_t round_up(std::size_t bytes) {
    const std::size_t step = std::size_t{1} << (std::bit_width(bytes) - 4);
    return (bytes + step - 1) / step * step;
  }

  void* take(std::size_t bytes) {
    const std::scoped_lock lock(mutex_);
    void* memory = nullptr;
    if (const auto fitting = kept_.lower_bound(bytes); fitting != kept_.end() && fitting->first <= bytes + bytes / 4) {
      bytes = fitting->first;
      memory = fitting->second.memory;
      kept_bytes_ -= bytes;
      kept_.erase(fitting);
    } else {
      const std::size_t most = std::max(most_used_, used_bytes_ + bytes) + kSlack;
      release_down_to(most - used_bytes_ - bytes);
      memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (memory == MAP_FAILED) return c10::alloc_cpu(bytes);  // which says that memory is short
    }
    used_[memory] = bytes;
    used_bytes_ += bytes;
    most_used_ = std::max(most_used_, used_bytes_);
    return memory;
  }

  static void give_back(void* memory) {
    if (memory != nullptr && !instance().keep(memory)) c10::free_cpu(memory);
  }

  // False if it is not of `take`.
  bool keep(void* memory) {
    const std::scoped_lock lock(mutex_);
    const auto found = used_.find(memory);
    if (found == used_.end()) return false;
    const std::size_t bytes = found->second;
    used_.erase(found);
    used_bytes_ -= bytes;
    kept_bytes_ += bytes;
    kept_.emplace(bytes, Kept{.memory = memory, .age = ++clock_});
    return true;
  }

  void release_down_to(std::size_t bytes) {
    while (kept_bytes_ > bytes) {
      const auto oldest = std::ranges::min_element(kept_, {}, [](const auto& item) { return item.second.age; });
      (void)munmap(oldest->second.memory, oldest->first);
      kept_bytes_ -= oldest->first;
      kept_.erase(oldest);
    }
  }

  std::mutex mutex_{};
  std::unordered_map<void*, std::size_t> used_{};
  std::multimap<std::size_t, Kept> kept_{};  // by size
  std::size_t used_bytes_ = 0;
  std::size_t kept_bytes_ = 0;
  std::size_t most_used_ = 0;
  std::uint64_t clock_ = 0;
};

}  // namespace

void keep_tensor_memory() {
  c10::SetCPUAllocator(&Allocator::instance(), /*priority=*/1);
#ifdef __GLIBC__
  // The same for what oneDNN takes from the C library for each call.
  mallopt(M_MMAP_THRESHOLD, kScratchMax);
  mallopt(M_TRIM_THRESHOLD, kScratchKept);
#endif
}

void return_tensor_memory() { Allocator::instance().release_kept(); }

void trim_scratch() {
#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 33)
  if (mallinfo2().fordblks < std::size_t{kScratchKept}) return;
#endif
  malloc_trim(0);
#endif
}

TensorMemory tensor_memory() { return Allocator::instance().state(); }

}  // namespace txt2img
