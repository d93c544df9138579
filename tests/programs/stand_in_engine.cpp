// Stands in for libtxt2img_engine.so: of another interface or version, and not to be called.
#include <cstdlib>
#include <memory>

#include "txt2img/engine.h"

namespace {

std::unique_ptr<txt2img::Engine> open_nothing(const txt2img::Bundle& /*bundle*/,
                                              const txt2img::EngineOptions& /*options*/) {
  std::abort();
}

constexpr txt2img::EngineEntry kEntry{
    .interface = txt2img::kEngineInterface + INTERFACES_AHEAD, .version = VERSION, .open = open_nothing};

}  // namespace

const txt2img::EngineEntry* txt2img_engine_entry() { return &kEntry; }
