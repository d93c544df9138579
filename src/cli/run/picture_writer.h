// Writes pictures while the next ones are drawn.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "run/drawn_picture.h"

namespace txt2img::cli {

// One thread, in which pictures are written in their order. After the first that cannot be written no other is.
class PictureWriter {
 public:
  // Puts a picture where it belongs, and says where that is, as WrittenPicture::path has it. May throw.
  using Write = std::function<std::optional<std::filesystem::path>(const DrawnPicture&)>;

  // Called after each picture, with no lock held. Throws nothing.
  using Tell = std::function<void(const WrittenPicture&)>;

  PictureWriter(Write write, Tell tell);
  ~PictureWriter();  // after what waits is written
  PictureWriter(const PictureWriter&) = delete;
  PictureWriter& operator=(const PictureWriter&) = delete;

  // Waits while too many pictures do, unless a signal asks to stop.
  void add(DrawnPicture picture);

  // Until all are written and told; or for so long: says whether they are.
  void wait();
  bool wait_for(std::chrono::milliseconds time);

 private:
  void run();
  [[nodiscard]] WrittenPicture write(DrawnPicture drawn) const;
  [[nodiscard]] bool is_done() const { return waiting_.empty() && !is_busy_; }

  Write write_;
  Tell tell_;
  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::deque<DrawnPicture> waiting_;
  bool is_busy_ = false;  // with a picture that waits no more
  bool has_failed_ = false;
  bool is_closing_ = false;
  std::thread thread_;
};

}  // namespace txt2img::cli
