#include "run/executor.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include "run/recorded_picture.h"
#include "screen/signals.h"
#include "txt2img/format_text.h"

namespace txt2img::cli {
namespace {

constexpr std::chrono::milliseconds kPatience{500};  // with the writer, before that is explained

}  // namespace

void Executor::FirstFailure::keep(std::exception_ptr failure) {
  const std::scoped_lock lock(mutex_);
  if (failure_ == nullptr) failure_ = std::move(failure);
}

void Executor::FirstFailure::forget() {
  const std::scoped_lock lock(mutex_);
  failure_ = nullptr;
}

std::exception_ptr Executor::FirstFailure::get() const {
  const std::scoped_lock lock(mutex_);
  return failure_;
}

Executor::Executor(const RunOptions& options, Console& console, const Plan& plan, Reporter& reporter,
                   std::vector<std::unique_ptr<Engine>> engines, PictureWriter::Write write)
    : options_(&options),
      console_(&console),
      plan_(&plan),
      reporter_(&reporter),
      writer_(std::move(write), [this](const WrittenPicture& picture) { tell(picture); }) {
  for (std::unique_ptr<Engine>& engine : engines) {
    const EngineFacts facts = engine->facts();
    workers_.push_back({.number = workers_.size(),
                        .engine = std::move(engine),
                        .facts = facts,
                        .batch_size = BatchSize(static_cast<std::size_t>(options.drawing.batch_size))});
  }
}

void Executor::draw(std::span<const Job* const> due) {
  BatchQueue queue(*plan_, due);
  failure_.forget();
  {
    std::vector<std::jthread> others;
    for (Worker& worker : std::span(workers_).subspan(1)) {
      others.emplace_back([this, &worker, &queue] { work(worker, queue); });
    }
    work(workers_.front(), queue);
  }
  wait_for_writer();
  if (is_ending()) throw_failure();
}

void Executor::wait_for_writer() {
  if (stop_signal() != 0 && !writer_.wait_for(kPatience)) {
    console_->remark("interrupted; writes what is drawn, a second signal gives it up");
  }
  writer_.wait();
}

void Executor::throw_failure() {
  const std::exception_ptr of_output = output_failure_.get();
  try {
    std::rethrow_exception(of_output != nullptr ? of_output : failure_.get());
  } catch (const Error& error) {
    if (error.code() == ExitCode::kInterrupted) throw reporter_->interruption();
    reporter_->remark_kept();
    throw;
  }
}

void Executor::work(Worker& worker, BatchQueue& queue) {
  try {
    while (!is_ending()) {
      const std::vector<const Job*> batch = queue.take(worker.batch_size.max());
      if (batch.empty()) return;
      draw_batch(worker, batch, Attempt::kFirst);
    }
  } catch (...) {
    failure_.keep(std::current_exception());
  }
}

void Executor::draw_batch(Worker& worker, std::span<const Job* const> batch, Attempt attempt) {
  std::vector<PictureInput> inputs;
  for (const Job* job : batch) inputs.push_back(make_input(plan_->settings_of(*job), *plan_->tokenizers));
  const BatchStart start = reporter_->start(worker.number, batch);
  std::vector<const Job*> left(batch.begin(), batch.end());
  try {
    if (stop_signal() != 0) throw Error(ExitCode::kInterrupted, "interrupted");
    worker.engine->draw(inputs, observer(start, [&](std::size_t index, Picture&& picture) {
                          std::erase(left, batch[index]);
                          pass_on(worker.facts, *batch[index], inputs[index].settings, std::move(picture), attempt);
                        }));
  } catch (const Error& error) {
    if (error.code() == ExitCode::kInterrupted) throw;
    draw_smaller(worker, batch, left, error);
  }
}

// What is left of a batch that failed.
void Executor::draw_smaller(Worker& worker, std::span<const Job* const> batch, std::span<const Job* const> left,
                            const Error& error) {
  if (batch.size() == 1) {
    fail(*batch.front(), error);
    return;
  }
  const std::size_t half = batch.size() / 2;
  if (worker.batch_size.halve(batch.size(), error.code())) {
    console_->warning(
        format_text("{} pictures at once: {}; goes on with {} at once", batch.size(), error.what(), half));
  }
  while (!left.empty()) {
    const auto next = left.first(std::min({left.size(), half, worker.batch_size.max()}));
    draw_batch(worker, next, Attempt::kAgain);
    left = left.subspan(next.size());
  }
}

Observer Executor::observer(const BatchStart& start, std::function<void(std::size_t, Picture&&)> on_picture) {
  return {.on_step = [this, start](int done, int steps) { reporter_->step(start, done, steps); },
          .is_cancelled = [this] { return stop_signal() != 0 || is_ending(); },
          .on_warning = [this](const std::string& text) { console_->warning(text); },
          .on_picture = std::move(on_picture)};
}

void Executor::pass_on(const EngineFacts& engine, const Job& job, const Settings& settings, Picture&& picture,
                       Attempt attempt) {
  DrawnPicture drawn{.job = &job, .picture = std::move(picture)};
  if (attempt == Attempt::kAgain) drawn.picture.retries.push_back(Retry::kSmallerBatch);
  drawn.record = record_of(plan_->bundle, settings, engine, drawn.picture);
  writer_.add(std::move(drawn));
}

void Executor::fail(const Job& job, const Error& error) {
  writer_.add({.job = &job, .failure = error});  // told of after those before it
  if (options_->drawing.on_failure != OnFailure::kGoOn) throw Error(error);
}

void Executor::tell(const WrittenPicture& picture) {
  if (picture.error != nullptr) output_failure_.keep(picture.error);
  try {
    reporter_->tell(picture);
  } catch (...) {
    output_failure_.keep(std::current_exception());
  }
}

}  // namespace txt2img::cli
