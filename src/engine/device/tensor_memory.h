// Memory of large tensors on the CPU: kept for the next one instead of returned, since new pages cost a third of the
// time of a decoding, and as much of the packing of weights.
#pragma once

#include <cstddef>

namespace txt2img {

// From now on tensors get their memory from here. What is in use and what is kept are together never more than 256 MiB
// above what was once in use. May be called again.
void keep_tensor_memory();

// All that is kept goes back to the system.
void return_tensor_memory();

// The C library keeps the scratch of oneDNN's calls. Pieces of one picture size do not fit another's: once they are
// more than a call takes at most, what is free goes back. Takes some milliseconds then.
void trim_scratch();

struct TensorMemory {
  std::size_t used = 0;  // bytes
  std::size_t kept = 0;
};
TensorMemory tensor_memory();

}  // namespace txt2img
