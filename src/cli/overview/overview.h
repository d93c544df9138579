// --contact-sheet and --gallery: all pictures of a run in files of their own, once it is over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "options/command.h"
#include "overview/shown_picture.h"
#include "plan/outcome.h"
#include "plan/plan.h"
#include "screen/console.h"

namespace txt2img::cli {

// "sheet.png" for the first part of an overview, then sheet-0002.png, sheet-0003.png, ...
std::filesystem::path part_of(const std::filesystem::path& file, std::size_t number);

class Overview {
 public:
  // Before anything is drawn. Throws Error: kUsage where there will be no files to show, or where one of them has the
  // name of an overview; kCannotCreate.
  Overview(const Overviews& wanted, const RunOptions& options, const Plan& plan);

  // What became of a job of the plan; the last word counts. Keeps no pixels.
  void add(const Job& job, const Outcome& outcome);

  // Reads the pictures back, one at a time. The parts of an overview are written from the last one to the first: when
  // the file of the given name is there, so is everything it leads to. Throws Error: kCannotCreate, kIo, kInterrupted.
  void write(Console& console) const;

 private:
  // Only what the plan does not know: a name that was taken, an error.
  struct Entry {
    Status status = Status::kPlanned;
    std::string text{};
  };
  using Bytes = std::vector<std::uint8_t>;
  using MakePart = std::function<Bytes(std::size_t number, std::span<const ShownPicture> pictures)>;

  [[nodiscard]] std::size_t parts(std::size_t size) const;
  [[nodiscard]] std::filesystem::path path_of(std::size_t job) const;
  [[nodiscard]] ShownPicture shown(std::size_t job) const;
  [[nodiscard]] std::vector<ShownPicture> part(std::size_t number, std::size_t size) const;
  void check_parts(const std::filesystem::path& file, std::size_t size) const;
  void check_names() const;
  void write_parts(const std::filesystem::path& file, std::size_t size, const MakePart& make) const;
  void write_sheets(Console& console) const;
  void write_gallery(Console& console) const;
  [[nodiscard]] Bytes page_of(std::size_t number, std::span<const ShownPicture> pictures) const;

  const RunOptions* options_;
  const Plan* plan_;
  std::filesystem::path sheet_{};    // empty: not wanted
  std::filesystem::path gallery_{};  // empty: not wanted
  std::vector<Entry> entries_{};     // one for each job; empty if nothing is wanted
};

}  // namespace txt2img::cli
