// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <thread>

#include "sim/child.h"
#include "sim/fault.h"

namespace sim {

/// Lets the storage of a real program fail without its knowing: the kernel (seccomp's user
/// notification) stops the calls by which the program reads, writes, zeroes, resizes or flushes
/// files, a thread of ours looks up the file, and lets the call go on or has it return an error.
/// Programs see the same files by the same names as ever.
class CallSupervisor {
 public:
  /// Whether this kernel can do it.
  static bool available();

  /// Requires available(). `faults` must outlive this; it knows files by their canonical paths.
  explicit CallSupervisor(FaultTable& faults);
  CallSupervisor(const CallSupervisor&) = delete;
  CallSupervisor& operator=(const CallSupervisor&) = delete;
  /// Requires that the program is gone: nobody answers its calls any more.
  ~CallSupervisor();

  /// What a Child takes to become supervised.
  int door() const { return theirs_.number(); }
  /// Begins to answer, once the child has been started.
  void watch();

 private:
  void answer_calls();
  void answer_one();

  FaultTable& faults_;
  Descriptor ours_, theirs_;
  Descriptor calls_;
  Pipe end_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

/// In a child between fork and exec: from now on its calls are stopped, and `door` tells the
/// supervisor where. 0 or the errno of what went wrong.
int become_supervised(int door);

}  // namespace sim
