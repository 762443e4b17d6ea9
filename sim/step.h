// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>

#include "sim/fault.h"
#include "sim/foreign/image.h"
#include "sim/subject.h"

namespace sim {

/// A QMP command, as the wire has it.
struct QmpStep {
  nlohmann::json request;
};
/// Waits for an event.
struct WaitStep {
  std::string event;
};
/// qemu-img create; the options of Subject::create_image.
struct CreateStep {
  nlohmann::json options;
};
/// Plugs a drive; the options of Subject::add_drive.
struct DriveStep {
  nlohmann::json options;
};
/// Unplugs a drive.
struct UnplugStep {
  std::string id;
};
/// Guest I/O in qemu-io's words.
struct IoStep {
  std::string node;
  std::string command;
};
/// Ends the process; files stay.
struct StopStep {
  Stop how;
  Kept kept = {};  ///< of a power cut
};
/// Lets the world go on.
struct RunStep {
  unsigned events;
};
/// Waits until nothing is under way that ends without a further command: requests, jobs.
struct SettleStep {};
/// Lets storage take time from now on, and draws from a seed what comes first.
struct ScheduleStep {
  unsigned seed;
};
/// Breaks an image at rest, see sim/damage.h.
struct DamageStep {
  std::string file;
  std::string what;
};
/// Something else made an image, see sim/foreign/image.h.
struct ForeignStep {
  std::string file;
  foreign::Image image;
};
/// Lets the storage of a file fail from now on; without a fault it works again.
struct FailStep {
  std::string file;
  std::optional<StorageFault> fault;
};
/// A line of text.
struct PrintStep {
  std::string text;
};
/// What is to be seen.
enum class Sight { bitmap, bitmaps, dirty, data, info, check, keepsakes };
/// Shows something of a node (or, for info, check and keepsakes, of a file).
struct ShowStep {
  Sight sight;
  std::string target;
  std::string bitmap;  ///< for bitmap and dirty
  std::string label;
};

/// What a step does, parameters replaced.
using Action =
    std::variant<QmpStep, WaitStep, CreateStep, DriveStep, UnplugStep, IoStep, StopStep, RunStep,
                 SettleStep, ScheduleStep, DamageStep, ForeignStep, FailStep, PrintStep, ShowStep>;

/// The storage operation number `operation` of a step, counted from 1, fails, whatever file it is
/// of. Only reads, writes (also zeros and new sizes) and flushes of a running process count.
struct Mishap {
  unsigned operation = 1;
  int error = EIO;  ///< an errno value
};

/// Whether the story wants a step to be refused by all: not, in any case, or it may be.
enum class Refusal { unwanted, wanted, possible };

/// One step of a run.
struct Step {
  int line = 0;      ///< where the script has it; 0: nowhere
  std::string text;  ///< as the script has it, parameters replaced
  Action action;
  std::optional<Cut> cut = {};        ///< nothing: it runs to its end
  std::optional<Mishap> mishap = {};  ///< nothing: no operation fails for being the Nth of it
  Refusal refusal = Refusal::unwanted;
};

}  // namespace sim
