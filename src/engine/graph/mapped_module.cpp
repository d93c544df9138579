#include "graph/mapped_module.h"

#include <ATen/core/jit_type.h>
#include <caffe2/serialize/inline_container.h>
#include <caffe2/serialize/read_adapter_interface.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <torch/csrc/jit/serialization/import.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace txt2img {
namespace {

// The pages of a whole file. Private and writable: a module that changes a buffer of its own gets a copy of the page.
class Mapping {
 public:
  // Nothing where the file cannot be mapped.
  static std::shared_ptr<const Mapping> of(const std::filesystem::path& path) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return nullptr;
    struct stat status{};
    const std::size_t size = fstat(file, &status) == 0 ? static_cast<std::size_t>(status.st_size) : 0;
    constexpr int kHow = MAP_PRIVATE | MAP_NORESERVE;
    void* const pages = size > 0 ? mmap(nullptr, size, PROT_READ | PROT_WRITE, kHow, file, 0) : MAP_FAILED;
    (void)close(file);
    if (pages == MAP_FAILED) return nullptr;
    (void)madvise(pages, size, MADV_WILLNEED);  // the disk starts while the code is compiled
    return std::shared_ptr<const Mapping>(new Mapping(static_cast<std::byte*>(pages), size));
  }
  ~Mapping() { (void)munmap(pages_, size_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  [[nodiscard]] std::byte* at(std::size_t offset) const { return pages_ + offset; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  Mapping(std::byte* pages, std::size_t size) : pages_(pages), size_(size) {}

  std::byte* pages_;
  std::size_t size_;
};

using MappingOwner = std::shared_ptr<const Mapping>;

void delete_owner(void* owner) { delete static_cast<MappingOwner*>(owner); }

// Reads from the mapping, except the weights: those it only takes note of, and leaves their memory untouched.
class SkippingReader final : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit SkippingReader(std::shared_ptr<const Mapping> mapping) : mapping_(std::move(mapping)) {}

  // From now on the records of weights, by their offset, are skipped.
  void skip(std::map<std::uint64_t, std::size_t> weights) { weights_ = std::move(weights); }

  [[nodiscard]] std::size_t size() const override { return mapping_->size(); }

  std::size_t read(std::uint64_t position, void* buffer, std::size_t count, const char* /*what*/) const override {
    if (position >= size()) return 0;
    count = std::min<std::size_t>(count, size() - position);
    const auto weight = weights_.find(position);
    if (weight != weights_.end() && weight->second == count) {
      offsets_[buffer] = position;
    } else {
      std::memcpy(buffer, mapping_->at(position), count);
    }
    return count;
  }

  // Where in the file lies what should be at these addresses.
  [[nodiscard]] const std::unordered_map<const void*, std::uint64_t>& offsets() const { return offsets_; }

 private:
  std::shared_ptr<const Mapping> mapping_;
  std::map<std::uint64_t, std::size_t> weights_{};
  mutable std::unordered_map<const void*, std::uint64_t> offsets_{};
};

// Offset and size of each tensor's bytes.
std::map<std::uint64_t, std::size_t> find_weights(const std::shared_ptr<SkippingReader>& file) {
  caffe2::serialize::PyTorchStreamReader reader(file);
  std::map<std::uint64_t, std::size_t> weights;
  for (const std::string& name : reader.getAllRecords()) {
    if (!name.starts_with("data/")) continue;
    if (const std::size_t size = reader.getRecordSize(name); size > 0)
      weights.emplace(reader.getRecordOffset(name), size);
  }
  return weights;
}

// Whether objects of its class are made by code of the file, which might have looked at weights that were not there.
bool runs_when_loaded(const c10::IValue& value) {
  return value.isObject() && value.toObjectRef().type()->findMethod("__setstate__") != nullptr;
}

// False if some of what was skipped is not where it could be given its memory.
bool map_weights(const torch::jit::Module& module, const std::shared_ptr<const Mapping>& mapping,
                 const SkippingReader& reader) {
  std::unordered_map<const void*, std::uint64_t> left = reader.offsets();
  c10::IValue::HashAliasedIValues values;
  c10::IValue(module._ivalue()).getSubValues(values);
  for (const c10::IValue& value : values) {
    if (runs_when_loaded(value)) return false;
    if (!value.isTensor() || !value.toTensor().has_storage()) continue;
    const c10::Storage& storage = value.toTensor().storage();
    const auto skipped = left.find(storage.data());
    if (skipped == left.end()) continue;
    storage.set_data_ptr_noswap(
        {mapping->at(skipped->second), new MappingOwner(mapping), &delete_owner, c10::DeviceType::CPU});
    left.erase(skipped);
  }
  return left.empty();
}

// Nothing where the file cannot be had in this way, or not at all.
std::optional<torch::jit::Module> try_mapped(const std::filesystem::path& file) {
  const std::shared_ptr<const Mapping> mapping = Mapping::of(file);
  if (mapping == nullptr) return std::nullopt;
  try {
    const auto reader = std::make_shared<SkippingReader>(mapping);
    reader->skip(find_weights(reader));
    torch::jit::Module module = torch::jit::load(reader, c10::Device(c10::DeviceType::CPU));
    if (map_weights(module, mapping, *reader)) return module;
  } catch (const std::exception&) {  // damaged, or its code does not like weights that are not there
    return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

torch::jit::Module load_mapped(const std::filesystem::path& file) {
  if (std::optional<torch::jit::Module> module = try_mapped(file)) return *std::move(module);
  return torch::jit::load(file.string(), c10::Device(c10::DeviceType::CPU));
}

void release_pages(const at::Tensor& weight) {
  if (weight.storage().data_ptr().get_deleter() != &delete_owner) return;
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  auto* const first = static_cast<std::byte*>(weight.mutable_data_ptr());
  const std::size_t before = (page - reinterpret_cast<std::uintptr_t>(first) % page) % page;
  if (weight.nbytes() < before) return;
  (void)madvise(first + before, (weight.nbytes() - before) / page * page, MADV_DONTNEED);
}

}  // namespace txt2img
