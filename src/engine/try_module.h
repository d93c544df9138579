// A module of a bundle on trial: is it what model.json says, and does it run?
#pragma once

#include "txt2img/bundle.h"
#include "txt2img/engine.h"

namespace txt2img {

// See txt2img_try_module.
ModuleReport try_module(const Bundle& bundle, const EngineOptions& options, ModuleKind kind);

}  // namespace txt2img
