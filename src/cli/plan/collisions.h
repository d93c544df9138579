// Pictures of a run that would have one name.
#pragma once

#include <functional>

#include "plan/plan.h"
#include "screen/console.h"
#include "txt2img/error.h"

namespace txt2img::cli {

// What is wrong with an item.
using Blame = std::function<void(const Item& item, const Error& error)>;

// Of all shards: two pictures of the run may share a name only where the second one gets another. Warns of names that
// differ in case only.
void check_collisions(const Plan& plan, Console& console, const Blame& blame);

}  // namespace txt2img::cli
