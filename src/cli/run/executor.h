// Draws pictures, each device in a thread of its own.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "options/command.h"
#include "plan/plan.h"
#include "run/batch_queue.h"
#include "run/drawn_picture.h"
#include "run/picture_writer.h"
#include "run/reporter.h"
#include "screen/console.h"
#include "screen/progress.h"
#include "txt2img/engine.h"
#include "txt2img/error.h"

namespace txt2img::cli {

// Threads neither write nor tell, so that no disk and no reader holds up a step of another one, and what fails there is
// never taken for the failure of the picture at hand.
class Executor {
 public:
  // One engine for each device. The plan may change between two calls of draw.
  Executor(const RunOptions& options, Console& console, const Plan& plan, Reporter& reporter,
           std::vector<std::unique_ptr<Engine>> engines, PictureWriter::Write write);

  // Each device takes the next pictures when it is free. Pictures that can share a batch and are not far from each
  // other are drawn together; of a batch that fails, smaller ones are tried. A picture that fails is reported and ends
  // the run, unless it is to go on; a file that cannot be written ends it in any case. Returns when all is written.
  // Throws Error, kInterrupted too.
  void draw(std::span<const Job* const> due);

 private:
  enum class Attempt { kFirst, kAgain };

  struct Worker {
    std::size_t number = 0;
    std::unique_ptr<Engine> engine{};
    EngineFacts facts{};
    BatchSize batch_size;
  };

  // The first failure of a kind ends the run.
  class FirstFailure {
   public:
    void keep(std::exception_ptr failure);
    void forget();
    [[nodiscard]] std::exception_ptr get() const;

   private:
    mutable std::mutex mutex_;
    std::exception_ptr failure_;
  };

  void work(Worker& worker, BatchQueue& queue);
  void draw_batch(Worker& worker, std::span<const Job* const> batch, Attempt attempt);
  void draw_smaller(Worker& worker, std::span<const Job* const> batch, std::span<const Job* const> left,
                    const Error& error);
  [[nodiscard]] Observer observer(const BatchStart& start, std::function<void(std::size_t, Picture&&)> on_picture);
  void pass_on(const EngineFacts& engine, const Job& job, const Settings& settings, Picture&& picture, Attempt attempt);
  void fail(const Job& job, const Error& error);

  // In the thread that writes.
  void tell(const WrittenPicture& picture);

  [[nodiscard]] bool is_ending() const { return output_failure_.get() != nullptr || failure_.get() != nullptr; }
  void wait_for_writer();
  void throw_failure();

  const RunOptions* options_;
  Console* console_;
  const Plan* plan_;
  Reporter* reporter_;
  std::vector<Worker> workers_;
  FirstFailure failure_;         // of drawing
  FirstFailure output_failure_;  // of writing or telling
  PictureWriter writer_;         // last, for it is the first to be destroyed
};

}  // namespace txt2img::cli
