// Opens the engine, which brings LibTorch along, when a picture is due.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "txt2img/bundle.h"
#include "txt2img/engine.h"

namespace txt2img::cli {

// Opens the library of an engine and compares its interface and version with this program's before anything else of it
// is called. Throws Error(kInternal): it cannot be opened, or is of another version.
const EngineEntry& load_engine(const std::filesystem::path& library);

// Bytes of all files.
std::uint64_t size_of(const Bundle& bundle);

// The bundle's files must have been verified. Throws Error: kInternal (the engine or LibTorch cannot be opened), and
// what the engine throws: kUnavailable, kBadData.
std::unique_ptr<Engine> open_engine(const Bundle& bundle, const EngineOptions& options);

// The picture of a batch of one.
Picture draw_one(Engine& engine, const Settings& settings, Observer observer);

// Options of an engine on each of the devices, "all" being those of CUDA; of one as `options` say where none is listed.
// Engines on the CPU share its threads out. Throws Error: kUnavailable (no CUDA device).
std::vector<EngineOptions> engines_of(const EngineOptions& options, std::vector<std::string> devices);

// As EngineEntry::try_module does.
ModuleReport try_module(const Bundle& bundle, const EngineOptions& options, ModuleKind kind);

std::vector<DeviceInfo> list_devices();

// Of the LibTorch that is loaded.
std::string torch_version();

}  // namespace txt2img::cli
