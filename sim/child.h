// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "sim/subject.h"
#include "sim/usage_error.h"

namespace sim {

/// An owned file descriptor, or none.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { close(); }

  int number() const { return number_; }
  void close();

 private:
  int number_;
};

/// A program that runs beside us, in a process group of its own, so that a Ctrl-C in the terminal
/// reaches us alone. When this goes it is killed with all that it started and left in its group,
/// and waited for; the kernel kills it should we die first.
class Child {
 public:
  /// What the child has as standard output and error; -1: /dev/null. Its input is /dev/null.
  /// `supervisor`: a CallSupervisor's door; -1: nobody looks at its calls.
  struct Descriptors {
    int output = -1, error = -1, supervisor = -1;
  };
  /// Starts `arguments[0]`, sought in PATH. Throws UsageError if it cannot be started.
  Child(const std::vector<std::string>& arguments, const Descriptors& descriptors);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { kill(); }

  /// Sudden death (SIGKILL) of the whole group; returns when the program is gone.
  void kill();
  /// Whether it ended by itself within `limit`.
  bool wait(std::chrono::milliseconds limit);
  /// How it ended: "exited with status 1", "was killed by signal 11"; "runs" if it does.
  std::string ending() const;
  /// The exit status; -1 if it runs or was killed.
  int status() const;
  /// How it ended; both fields unset if it runs.
  ProcessEnd end() const;

 private:
  bool has_ended(int options) const;
  bool reap(int options);

  pid_t process_ = -1;
  bool ended_ = false;
  int wait_status_ = 0;
};

/// "30 s", "1500 ms": a time limit in a message.
std::string seconds_text(std::chrono::milliseconds time);

/// A pipe whose ends are not inherited by other children.
struct Pipe {
  Pipe();
  Descriptor reader, writer;
};

/// What a program that ran to its end printed (standard output and error together), and its status.
struct ProgramResult {
  int status;
  std::string output;
  std::string errors;
};
/// A program took too long, or printed without end.
class ProgramOverran : public UsageError {
 public:
  using UsageError::UsageError;
};
/// Runs a program to its end. Throws ProgramOverran, and UsageError if it cannot be started or when
/// we are interrupted.
ProgramResult run_program(const std::vector<std::string>& arguments,
                          std::chrono::milliseconds limit);

}  // namespace sim
