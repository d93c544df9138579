// write_output_file() when system calls fail, are interrupted, or are the last thing the process does.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <functional>

#include "fixtures/expect_error.h"
#include "fixtures/output_file_fixture.h"
#include "fixtures/scratch_folder.h"
#include "txt2img/output_file.h"

// What happens instead of system calls of this thread: the functions below take the place of the C library's.
namespace {

enum class Call { kMkdir, kOpen, kWrite, kFsync, kClose, kRenameNoReplace, kLink, kRename };

// Given the number of this call since the start (1, 2, ...), returns an errno or 0 to let it through.
thread_local std::function<int(Call, int)> fault;
thread_local int calls = 0;
thread_local std::size_t write_max = SIZE_MAX;

bool fails(Call call) {
  if (!fault) return false;
  const int error_number = fault(call, ++calls);
  if (error_number != 0) errno = error_number;
  return error_number != 0;
}

int result_of(long result) { return static_cast<int>(result); }

}  // namespace

extern "C" {

// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the C library's own names are reserved
int mkdir(const char* path, mode_t mode) noexcept {
  return fails(Call::kMkdir) ? -1 : result_of(::syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    std::va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  return fails(Call::kOpen) ? -1 : result_of(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

ssize_t write(int descriptor, const void* bytes, size_t count) {
  return fails(Call::kWrite) ? -1 : ::syscall(SYS_write, descriptor, bytes, std::min(count, write_max));
}

int fsync(int descriptor) {
  if (fails(Call::kFsync)) return -1;
  return fault ? 0 : result_of(::syscall(SYS_fsync, descriptor));  // nobody cuts the power, and it is slow
}

int close(int descriptor) {
  const int result = result_of(::syscall(SYS_close, descriptor));
  return fails(Call::kClose) ? -1 : result;
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  if (fails(Call::kRenameNoReplace)) return -1;
  return result_of(::syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
}

int link(const char* from, const char* to) noexcept {
  return fails(Call::kLink) ? -1 : result_of(::syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0));
}

int rename(const char* from, const char* to) noexcept {
  return fails(Call::kRename) ? -1 : result_of(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
// NOLINTEND(readability-inconsistent-declaration-parameter-name)

}  // extern "C"

namespace txt2img {
namespace {

namespace fs = std::filesystem;
// Puts the fault in place for as long as it lives.
class Injection {
 public:
  explicit Injection(std::function<int(Call, int)> what) {
    calls = 0;
    fault = std::move(what);
  }
  ~Injection() { fault = nullptr; }
  Injection(const Injection&) = delete;
  Injection& operator=(const Injection&) = delete;
};

class OutputFileFault : public testing::Test {
 protected:
  ScratchFolder folder_;
  const Bytes old_ = {'o', 'l', 'd'};
  const Bytes new_ = new_bytes();
};

TEST_F(OutputFileFault, ALateComerIsNotReplacedEither) {
  for (const OnExists policy : {OnExists::kRename, OnExists::kSkip, OnExists::kError}) {
    for (const int unsupported : {0, EINVAL}) {
      const ScratchFolder folder;
      const auto write = [&] {
        const Injection injection([&](Call call, int) {
          if (call == Call::kFsync) write_bytes(folder / "x.png", old_);  // after the first look
          return call == Call::kRenameNoReplace ? unsupported : 0;
        });
        return write_output_file(folder / "x.png", new_, policy);
      };
      if (policy == OnExists::kError) {
        expect_error(ExitCode::kCannotCreate, write);
      } else {
        const std::optional<fs::path> renamed = folder / "x-2.png";
        EXPECT_EQ(write(), policy == OnExists::kRename ? renamed : std::nullopt);
      }
      EXPECT_EQ(read_bytes(folder / "x.png"), old_);
      EXPECT_EQ(folder.names().size(), policy == OnExists::kRename ? 2U : 1U);
    }
  }
}

TEST_F(OutputFileFault, WorksOnFileSystemsWithoutExclusiveRename) {
  for (const OnExists policy : {OnExists::kRename, OnExists::kSkip, OnExists::kError}) {
    for (const int link_error : {0, EPERM, EOPNOTSUPP}) {
      const ScratchFolder folder;
      const Injection injection([&](Call call, int) {
        if (call == Call::kRenameNoReplace) return EINVAL;
        return call == Call::kLink ? link_error : 0;
      });
      EXPECT_EQ(write_output_file(folder / "x.png", new_, policy), folder / "x.png");
      EXPECT_EQ(read_bytes(folder / "x.png"), new_);
      EXPECT_EQ(folder.names(), Names{"x.png"});
      const fs::path second = folder / "x-2.png";
      EXPECT_EQ(write_output_file(folder / "x.png", new_, OnExists::kRename), second);
    }
  }
}

TEST_F(OutputFileFault, SurvivesShortWritesAndInterruptions) {
  write_max = 1000;
  const Injection injection([](Call call, int n) {
    return n % 2 == 0 && (call == Call::kWrite || call == Call::kFsync || call == Call::kOpen) ? EINTR : 0;
  });
  write_output_file(folder_ / "x.png", new_, OnExists::kRename);
  write_max = SIZE_MAX;
  EXPECT_GT(calls, 200);
  EXPECT_EQ(read_bytes(folder_ / "x.png"), new_);
}

TEST_F(OutputFileFault, AnOldOneIsNotWrittenForNothing) {
  write_bytes(folder_ / "x.png", old_);
  const Injection injection([](Call, int) { return 0; });
  EXPECT_EQ(write_output_file(folder_ / "x.png", new_, OnExists::kSkip), std::nullopt);
  expect_error(ExitCode::kCannotCreate, [&] { write_output_file(folder_ / "x.png", new_, OnExists::kError); });
  EXPECT_EQ(calls, 0);
}

TEST_F(OutputFileFault, EveryFailureIsReported) {
  for (const Call bad : {Call::kOpen, Call::kWrite, Call::kFsync, Call::kClose, Call::kRenameNoReplace}) {
    SCOPED_TRACE(static_cast<int>(bad));
    const Injection injection([&](Call call, int) { return call == bad ? EIO : 0; });
    expect_error(ExitCode::kIo, [&] { write_output_file(folder_ / "x.png", new_, OnExists::kRename); });
  }
}

// Each call in turn, until there are no more. Whatever fails, there is no file, or the old one, or the whole new one.
TEST_F(OutputFileFault, LeavesNothingBehindWhicheverCallFails) {
  for (const OnExists policy : kPolicies) {
    for (const int error_number : {EIO, ENOSPC, EACCES, EINVAL}) {
      int failures = 0;
      calls = 0;
      for (int n = 1; calls >= n - 1; ++n) {
        SCOPED_TRACE(testing::Message() << "policy " << static_cast<int>(policy) << ", errno " << error_number
                                        << ", call " << n);
        const ScratchFolder folder;
        const fs::path path = folder / "a/b/x.png";
        try {
          const Injection injection([&](Call, int i) { return i == n ? error_number : 0; });
          EXPECT_EQ(write_output_file(path, new_, policy), path);
          EXPECT_EQ(read_bytes(path), new_);
        } catch (const Error& error) {
          EXPECT_TRUE(error.code() == ExitCode::kIo || error.code() == ExitCode::kCannotCreate) << error.what();
          EXPECT_NE(std::string(error.what()).find(folder.path().string()), std::string::npos) << error.what();
          EXPECT_TRUE(folder.names().empty());
          ++failures;
        }
      }
      EXPECT_GE(calls, 15);
      EXPECT_GE(failures, error_number == EINVAL ? 5 : 7);
    }
  }
}

TEST_F(OutputFileFault, KeepsTheOldOneUntilTheNewOneIsWhole) {
  bool is_replaced = false;
  calls = 0;
  for (int n = 1; calls >= n - 1; ++n) {
    const ScratchFolder folder;
    write_bytes(folder / "x.png", old_);
    try {
      const Injection injection([&](Call call, int i) {
        is_replaced = is_replaced || call == Call::kRename;
        return i == n ? EIO : 0;
      });
      is_replaced = false;
      write_output_file(folder / "x.png", new_, OnExists::kOverwrite);
      EXPECT_EQ(read_bytes(folder / "x.png"), new_);
    } catch (const Error&) {
      const Names names = folder.names();
      EXPECT_TRUE((is_replaced && names.empty()) || read_bytes(folder / "x.png") == old_);
      EXPECT_LE(names.size(), 1U);
    }
  }
  EXPECT_GE(calls, 8);
}

// A child that is killed at its n-th call; write calls are short, so that some are in the middle of the file.
void die_at(const fs::path& path, const Bytes& bytes, OnExists policy, int n) {
  const pid_t child = ::fork();
  if (child == 0) {
    write_max = 40000;
    fault = [n](Call, int i) {
      if (i == n) ::kill(::getpid(), SIGKILL);
      return 0;
    };
    write_output_file(path, bytes, policy);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
}

TEST_F(OutputFileFault, IsWholeOrAbsentAfterAKillAnywhere) {
  const auto is_temporary = [](const std::string& name) {
    return name.starts_with(".txt2img-") && name.ends_with(".tmp");
  };
  for (const OnExists policy : kPolicies) {
    for (int n = 1; n <= 12; ++n) {
      SCOPED_TRACE(testing::Message() << "policy " << static_cast<int>(policy) << ", call " << n);
      const ScratchFolder folder;
      die_at(folder / "x.png", new_, policy, n);
      for (const std::string& name : folder.names()) {
        EXPECT_TRUE(name == "x.png" ? read_bytes(folder / name) == new_ : is_temporary(name)) << name;
      }
      EXPECT_EQ(write_output_file(folder / "x.png", new_, OnExists::kOverwrite), folder / "x.png");
    }
  }
}

TEST_F(OutputFileFault, ASignalHandlerCanRemoveWhatIsUnfinished) {
  std::size_t before = 0;
  std::size_t after = 0;
  const auto write = [&] {
    const Injection injection([&](Call call, int) {
      if (call != Call::kFsync) return 0;
      before = folder_.names().size();
      remove_temporary_files();
      after = folder_.names().size();
      return 0;
    });
    write_output_file(folder_ / "x.png", new_, OnExists::kRename);
  };
  expect_error(ExitCode::kCannotCreate, write);  // the file is gone that was to be renamed
  EXPECT_EQ(before, 1U);
  EXPECT_EQ(after, 0U);

  write_output_file(folder_ / "x.png", new_, OnExists::kRename);
  remove_temporary_files();
  EXPECT_EQ(folder_.names(), Names{"x.png"});
}

// As a killed process of the same number leaves one.
TEST_F(OutputFileFault, StartsOverWhereATemporaryNameIsTaken) {
  std::string last;
  {
    const Injection injection([&](Call call, int) {
      if (call == Call::kFsync && last.empty()) last = folder_.names().front();
      return 0;
    });
    write_output_file(folder_ / "x.png", new_, OnExists::kOverwrite);
  }
  const std::size_t end_of_pid = last.rfind('-') + 1;
  const int number = std::stoi(last.substr(end_of_pid));
  const fs::path taken = folder_ / (last.substr(0, end_of_pid) + std::to_string(number + 1) + ".tmp");
  write_bytes(taken, old_);
  EXPECT_EQ(write_output_file(folder_ / "x.png", new_, OnExists::kOverwrite), folder_ / "x.png");
  EXPECT_EQ(read_bytes(folder_ / "x.png"), new_);
  EXPECT_EQ(read_bytes(taken), old_);
}

}  // namespace
}  // namespace txt2img
