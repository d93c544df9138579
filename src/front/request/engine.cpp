#include "txt2img/engine.h"

namespace txt2img {

// Here and not in the engine's library: the front knows the type before that is opened.
Engine::~Engine() = default;

}  // namespace txt2img
