// Opens the engine, which brings LibTorch along, when a picture is due.
#pragma once

#include <filesystem>
#include <memory>

#include "txt2img/bundle.h"
#include "txt2img/engine.h"
#include "txt2img/export.h"

namespace txt2img {

// Opens the library of an engine and compares its interface and version with this one's before anything else of it is
// called. It stays open. Throws Error(kInternal): it cannot be opened, or is of another version.
TXT2IMG_API const EngineEntry& load_engine(const std::filesystem::path& library);

// The one beside libtxt2img.so, opened by the first call. That one also tells OpenMP that threads which wait shall not
// spin, and LibTorch how much it may cache, where the environment does not say so already.
TXT2IMG_API const EngineEntry& engine_library();

// Its `open`. The bundle's files must have been verified. Throws Error: kInternal (the engine or LibTorch cannot be
// opened), and what the engine throws: kUnavailable, kBadData.
TXT2IMG_API std::unique_ptr<Engine> open_engine(const Bundle& bundle, const EngineOptions& options);

}  // namespace txt2img
