// TorchScript files whose weights are mapped into memory instead of copied.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/module.h>

#include <filesystem>

namespace txt2img {

// Loads the file as torch::jit::load does, on the CPU, but its weights are the pages of the file: nothing is read
// before it is needed, processes share it, and what the module writes to stays its own. The file must not be
// overwritten while the module lives; replacing it by another is safe. Where a file cannot be had that way (no mapping
// on its file system, code that runs while loading), it is loaded as usual. Throws what torch::jit::load throws.
torch::jit::Module load_mapped(const std::filesystem::path& file);

// Where the weight's memory is pages of a file, this process holds them no longer; they are read again when they are
// next used. The weight must not have been written to. Elsewhere nothing happens.
void release_pages(const at::Tensor& weight);

}  // namespace txt2img
