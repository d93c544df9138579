// Pictures of a run that lie under the names of other lines: lines were put in front, taken out or moved.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>

#include "plan/existing_pictures.h"
#include "plan/plan.h"

namespace txt2img::cli {

// For jobs that are due, by number: a file with the right job key whose name differs from theirs in numbers only, and
// is not that of a picture in its place. Each file is found for one job. Throws Error(kIo).
std::map<std::size_t, std::filesystem::path> find_moved(const Plan& plan, const ExistingPictures& existing);

// Gives these pictures their names, one after the other, never that of another file: what nobody wants under such a
// name goes to NAME-2.png. Wherever it is interrupted, each picture has a name that find_moved() finds. Their jobs
// become kSkipped; how many. Throws Error: kCannotCreate, kIo.
std::size_t rename_moved(Plan& plan, const ExistingPictures& existing);

}  // namespace txt2img::cli
