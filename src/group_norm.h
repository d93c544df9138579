// Group norm, and SiLU where it follows, as one operator of TorchScript: txt2img::group_norm.
#pragma once

#include <torch/csrc/jit/api/module.h>

namespace txt2img {

// Whether this build has a kernel for it; only then the operator is there.
bool has_group_norm_kernel();

// In the module's forward: aten::group_norm, with the aten::silu that follows it, becomes txt2img::group_norm. Gives the
// number of group norms.
int fuse_group_norms(torch::jit::Module& module);

}  // namespace txt2img
