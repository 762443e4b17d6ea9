// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <memory>

#include "sim/qemu_process.h"

namespace sim {

/// Fresh processes of one program, for runs that restart it often: while one works, the next ones
/// come up beside it. A process that nobody took has opened nothing and is killed with this.
class QemuSupply {
 public:
  /// Requires a program that we start. Starts none before the first is taken.
  explicit QemuSupply(QmpProgram program) : program_(std::move(program)) {}

  const QmpProgram& program() const { return program_; }
  /// One that was negotiated with and has done nothing yet. Throws as QemuProcess does.
  std::unique_ptr<QemuProcess> take();

 private:
  QmpProgram program_;
  std::deque<std::unique_ptr<QemuProcess>> coming_up_;
};

}  // namespace sim
