// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace sim {

/// What a run has seen of a program so far, in all its processes and testcases.
struct Acquaintance {
  std::atomic<bool> met = false;    ///< it greeted once: what it does since then is a result
  std::atomic<unsigned> hangs = 0;  ///< how often it was waited for in vain

  /// From then on it is left out: each of its hangs takes the whole limit.
  bool hangs_too_often() const { return hangs >= most_hangs; }
  static constexpr unsigned most_hangs = 3;
};

/// A program that speaks QMP, and how to reach it: one that we start, or one that listens already.
struct QmpProgram {
  std::string name;                  ///< in reports: "qemu", "qmp:SOCKET", "command:PROGRAM"
  std::vector<std::string> command;  ///< what to start, without its socket; empty: it runs already
  std::string socket;                ///< where it listens, if it runs already
  std::chrono::milliseconds limit;   ///< the longest time for anything that it does
  std::string img = {};              ///< the qemu-img that makes its images; empty: see qemu_img()
  std::shared_ptr<Acquaintance> acquaintance = std::make_shared<Acquaintance>();

  bool started_by_us() const { return !command.empty(); }
  /// What messages call it: the program or the socket.
  const std::string& place() const { return started_by_us() ? command.front() : name; }
  /// `img`, or else the one beside the program, or else the one on PATH.
  std::string qemu_img() const;

  static QmpProgram started(std::string name, std::vector<std::string> command,
                            std::chrono::milliseconds limit);
  static QmpProgram listening(std::string name, std::string socket,
                              std::chrono::milliseconds limit);
  /// A QEMU without a machine or a guest.
  static QmpProgram qemu(const std::string& program, std::chrono::milliseconds limit);

  static constexpr std::chrono::milliseconds usual_limit{30'000};
};

/// `program.command` with the way to the unix socket at `path`, on which we listen: in place of
/// {socket}, or else as the further arguments `-qmp unix:PATH,server=off`.
std::vector<std::string> command_with_socket(const QmpProgram& program, const std::string& path);

}  // namespace sim
