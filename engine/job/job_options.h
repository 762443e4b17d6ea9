// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

namespace engine::job {

/// Whether a job takes a step of its end by itself or waits for the client's command.
enum class Step { automatic, by_command };
/// Whether a cancel may leave a finished copy behind (S89).
enum class CancelMode { soft, force };
/// What to do about an I/O error (QMP's BlockdevOnError).
enum class OnError { report, ignore, stop, enospc };

/// How a client wants a job to run.
struct JobOptions {
  std::string id;
  std::uint64_t speed = 0;  ///< bytes per second; 0: no limit
  Step finalize = Step::automatic;
  Step dismiss = Step::automatic;
  OnError on_error = OnError::report;
};

}  // namespace engine::job
