#include "file/temporary_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string>
#include <thread>

#include "txt2img/format_text.h"
#include "txt2img/output_file.h"

namespace txt2img {
namespace {

namespace fs = std::filesystem;

// What a signal handler can read: no locks, no allocation. Global, since a handler can be handed nothing.
enum : int { kFree, kClaimed, kReady };
struct Slot {
  std::atomic<int> state = kFree;
  std::array<char, PATH_MAX> path{};
};
static_assert(std::atomic<int>::is_always_lock_free);
std::array<Slot, 64> slots;  // one for each file being written at this moment

std::atomic<unsigned> next_number = 1;

int claim_slot() {
  for (;; std::this_thread::yield()) {
    for (std::size_t i = 0; i < slots.size(); ++i) {
      int expected = kFree;
      if (slots[i].state.compare_exchange_strong(expected, kClaimed)) return static_cast<int>(i);
    }
  }
}

Slot& slot_at(int index) { return slots[static_cast<std::size_t>(index)]; }

// Before the file is made, or a signal in between would leave it behind.
void announce(int slot, const fs::path& path) {
  slot_at(slot).state = kClaimed;
  std::memcpy(slot_at(slot).path.data(), path.c_str(), path.native().size() + 1);
  slot_at(slot).state = kReady;
}

fs::path next_path(const fs::path& folder) {
  return folder / format_text(".txt2img-{}-{}.tmp", ::getpid(), next_number++);
}

}  // namespace

TemporaryFile::TemporaryFile() : slot_(claim_slot()) {}

// Delegates, so that the destructor runs after a failure too.
TemporaryFile::TemporaryFile(const fs::path& target) : TemporaryFile() {
  target_ = target;
  // A name is taken only where a process of the same number was killed, here or on another machine.
  do {
    path_ = next_path(target.parent_path());
    if (path_.native().size() >= PATH_MAX) throw creation_error(target, ENAMETOOLONG);
    announce(slot_, path_);
    descriptor_ = FileDescriptor(path_, O_WRONLY | O_CREAT | O_EXCL);
  } while (!descriptor_.is_open() && errno == EEXIST);
  if (!descriptor_.is_open()) throw creation_error(target, errno);
}

TemporaryFile::~TemporaryFile() {
  ::unlink(path_.c_str());  // nothing is there if it was renamed
  slot_at(slot_).state = kFree;
}

void TemporaryFile::fill(std::span<const std::uint8_t> bytes) {
  descriptor_.write_all(bytes, target_);
  descriptor_.sync(target_);
  descriptor_.close(target_);
}

void remove_temporary_files() noexcept {
  const int error_number = errno;
  for (Slot& slot : slots) {
    if (slot.state == kReady) ::unlink(slot.path.data());
  }
  errno = error_number;
}

}  // namespace txt2img
