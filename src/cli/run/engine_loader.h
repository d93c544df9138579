// Which engines a run opens.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "txt2img/bundle.h"
#include "txt2img/engine.h"

namespace txt2img::cli {

// Bytes of all files.
std::uint64_t size_of(const Bundle& bundle);

// The picture of a batch of one.
Picture draw_one(Engine& engine, const PictureInput& input, Observer observer);

// Options of an engine on each of the devices, "all" being those of CUDA; of one as `options` say where none is listed.
// Engines on the CPU share its threads out. Throws Error: kUnavailable (no CUDA device).
std::vector<EngineOptions> engines_of(const EngineOptions& options, std::vector<std::string> devices);

}  // namespace txt2img::cli
