// SPDX-License-Identifier: Apache-2.0
#include "data/detail/run_program.hpp"

#include <alloy/core/check.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace alloy::detail {

namespace {

/// A pipe whose ends no other program inherits.
struct Pipe {
  std::array<int, 2> ends = {-1, -1};
  Pipe() { check<IoError>(::pipe2(ends.data(), O_CLOEXEC) == 0, "[run_program] cannot make a pipe: {}", {std::strerror(errno)}); }
  ~Pipe() {
    close(0);
    close(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close(size_t end) {
    if (ends[end] >= 0) ::close(ends[end]);
    ends[end] = -1;
  }
};

struct FileActions {
  posix_spawn_file_actions_t actions;
  FileActions() { check<IoError>(::posix_spawn_file_actions_init(&actions) == 0, "[run_program] expected memory to start a program"); }
  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
};

/// Ended and reaped, whatever happens.
struct Child {
  pid_t id = -1;
  ~Child() {
    if (id < 0) return;
    ::kill(id, SIGKILL);
    wait();
  }
  int wait() {
    int status = 0;
    while (::waitpid(id, &status, 0) < 0 && errno == EINTR) {}
    id = -1;
    return status;
  }
};

/// Appends what is there to read; closes the end of a stream.
void drain(Pipe& pipe, std::string& out, const std::string& program, int64_t max_bytes) {
  std::array<char, 65536> buffer;
  const ssize_t count = ::read(pipe.ends[0], buffer.data(), buffer.size());
  if (count < 0 && errno == EINTR) return;
  check<IoError>(count >= 0, "[run_program] cannot read from {}: {}", {program, std::strerror(errno)});
  if (count == 0) return pipe.close(0);
  out.append(buffer.data(), static_cast<size_t>(count));
  check<IoError>(static_cast<int64_t>(out.size()) <= max_bytes, "[run_program] expected at most {} bytes from {}, got more", {max_bytes, program});
}

}  // namespace

ProgramResult run_program(const std::string& program, const std::vector<std::string>& arguments, const ProgramLimits& limits) {
  ProgramResult result;
  Pipe out, err;
  FileActions files;
  ::posix_spawn_file_actions_addopen(&files.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&files.actions, out.ends[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&files.actions, err.ends[1], STDERR_FILENO);
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);

  Child child;
  const int error = ::posix_spawnp(&child.id, program.c_str(), &files.actions, nullptr, argv.data(), environ);
  if (error != 0) child.id = -1;
  if (error == ENOENT || error == ENOTDIR) {
    result.found = false;
    return result;
  }
  check<IoError>(error == 0, "[run_program] cannot run {}: {}", {program, std::strerror(error)});
  out.close(1);
  err.close(1);

  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(limits.max_seconds));
  while (out.ends[0] >= 0 || err.ends[0] >= 0) {
    std::array<pollfd, 2> waiting = {{{.fd = out.ends[0], .events = POLLIN, .revents = 0}, {.fd = err.ends[0], .events = POLLIN, .revents = 0}}};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    check<IoError>(left > 0, "[run_program] expected {} to end within {} s, it still ran and was ended", {program, limits.max_seconds});
    const int ready = ::poll(waiting.data(), waiting.size(), static_cast<int>(std::min<int64_t>(left + 1, 60'000)));
    check<IoError>(ready >= 0 || errno == EINTR, "[run_program] cannot wait for {}: {}", {program, std::strerror(errno)});
    if (ready <= 0) continue;
    if (waiting[0].revents != 0) drain(out, result.output, program, limits.max_bytes);
    if (waiting[1].revents != 0) drain(err, result.messages, program, limits.max_bytes);
  }
  const int status = child.wait();
  result.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return result;
}

}  // namespace alloy::detail
