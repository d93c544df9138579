// Encodes and writes pictures while the next ones are drawn.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cli/options.h"
#include "cli/plan.h"
#include "txt2img/engine.h"
#include "txt2img/record.h"

namespace txt2img::cli {

struct DrawnPicture {
  const Job* job = nullptr;
  Picture picture{};
  Record record{};
};

struct WrittenPicture {
  const Job* job = nullptr;
  Picture picture{};
  std::optional<std::filesystem::path> path{};  // empty: standard output; nothing: there is such a file, which stays
  double seconds = 0;
  std::exception_ptr error{};  // why it could not be written
};

// One thread, in which pictures are written in their order, each with its line of the manifest. After the first that
// cannot be written no other is.
class PictureWriter {
 public:
  // The plan may change while no picture is waiting.
  PictureWriter(const Options& options, const Plan& plan);
  ~PictureWriter();  // after what waits is written
  PictureWriter(const PictureWriter&) = delete;
  PictureWriter& operator=(const PictureWriter&) = delete;

  // Waits while too many pictures do.
  void add(DrawnPicture picture);

  // Those that are done and were not taken yet.
  std::vector<WrittenPicture> take();

  // The same, when all are done.
  std::vector<WrittenPicture> take_all();

 private:
  void run();
  [[nodiscard]] WrittenPicture write(DrawnPicture drawn) const;
  [[nodiscard]] std::optional<std::filesystem::path> write_file(const DrawnPicture& drawn) const;

  const Options* options_;
  const Plan* plan_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<DrawnPicture> waiting_;
  std::vector<WrittenPicture> written_;
  bool is_busy_ = false;  // with a picture that waits no more
  bool has_failed_ = false;
  bool is_closing_ = false;
  std::thread thread_;
};

// Pictures that are there but in no manifest, for the run was killed in between, are listed in it.
void complete_manifest(const Options& options, const Plan& plan);

}  // namespace txt2img::cli
