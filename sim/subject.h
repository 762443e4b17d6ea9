// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "sim/kept.h"

namespace sim {

class Profile;
struct StorageFault;
namespace foreign {
struct Image;
}

/// How a process ends. A power cut also loses of what was not flushed all that is not Kept.
enum class Stop { clean, kill, power };

/// How a step is cut short: before its storage operation number `operation` takes effect, counted
/// from 1; after the step if it has fewer.
struct Cut {
  Stop how = Stop::kill;
  unsigned operation = 1;
  Kept kept = {};  ///< of a power cut
};

/// A subject broke in a step: it died, hung, or said what cannot be. That is a result of the run,
/// as a wrong answer is. One that never started is a UsageError in its place.
class SubjectFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A subject did not come to the end of what it was to do within the limit.
class SubjectHang : public SubjectFailure {
 public:
  using SubjectFailure::SubjectFailure;
};

/// How a process came to its end.
struct ProcessEnd {
  int signal = 0;   ///< what killed it; 0: it exited
  int status = -1;  ///< its exit status; -1: a signal killed it
};

/// A subject has no means to do what a step says. It leaves the run, and the others go on.
class CannotFollow : public SubjectFailure {
 public:
  using SubjectFailure::SubjectFailure;
};

/// A subject's process that had started well ended without being told to.
class SubjectCrash : public SubjectFailure {
 public:
  /// `command` is the last thing that the process was asked to do, in the words of the wire.
  SubjectCrash(const std::string& what, ProcessEnd end, std::string command)
      : SubjectFailure(what), end_(end), command_(std::move(command)) {}

  const ProcessEnd& end() const { return end_; }
  const std::string& command() const { return command_; }

 private:
  ProcessEnd end_;
  std::string command_;
};

/// What a client lets come to its end before it gives a command (M7): a query may see things half
/// done, other commands wait for jobs that are ending, and `settle` for requests as well (M41).
enum class Rest { none, jobs, jobs_and_requests };

/// Bytes per second: a job that is slower is held back by its speed for a minute, the time of a
/// chunk of 512, and counts as asleep (M39).
inline constexpr std::int64_t slow_speed = 9;

/// Something that runs scenarios: the model, the engine, a real QEMU. One process at a time,
/// started when first needed; files outlive it. All names of files are as the script has them
/// (TEST_DIR/PID-…); a subject that has real files translates in both directions, so that subjects
/// can be compared by what they show.
///
/// Answers are JSON as the wire has it. A refusal is an answer. What is thrown is a SubjectFailure
/// (the subject itself broke: a result) or a UsageError (the run cannot go on).
class Subject {
 public:
  virtual ~Subject() = default;
  virtual std::string_view name() const = 0;
  /// How strictly its answers are compared; null: to the letter.
  virtual const Profile* profile() const { return nullptr; }

  /// Waits until nothing of that is under way that ends without a further command.
  virtual void come_to(Rest) {}
  /// A QMP request: {"return":…} or {"error":{"class":…,"desc":…}}.
  virtual nlohmann::json execute(const nlohmann::json& request) = 0;
  /// Waits for the next event of that name; nothing if none can come any more.
  virtual std::optional<nlohmann::json> await_event(const std::string& event) = 0;
  /// qemu-io on a device or node: the lines of a failure or a mismatch, empty on success.
  virtual std::string guest_io(const std::string& node, const std::string& command) = 0;
  /// Whether failures of guest I/O always show in what guest_io() answers.
  virtual bool sees_guest_io() const { return true; }

  /// qemu-img create, drive_add and drive_del; options as the script has them. {"return":{}} or
  /// {"error":{…}}.
  virtual nlohmann::json create_image(const nlohmann::json& options) = 0;
  virtual nlohmann::json add_drive(const nlohmann::json& options) = 0;
  virtual nlohmann::json delete_drive(const std::string& id) = 0;
  /// Lets the world go on by `events` events where time is ours; elsewhere does nothing.
  virtual void run(unsigned events) = 0;
  /// From now on operations of storage take time, and which of several comes first is drawn from
  /// the seed, where storage and time are ours; elsewhere does nothing.
  virtual void schedule(std::uint64_t) {}
  /// Ends the process, cleanly or by killing it.
  virtual void stop(Stop how) = 0;
  /// The power fails, and of what was not flushed only `kept` is left. Whose power is not ours to
  /// cut is killed: that is a power cut which loses nothing.
  virtual void cut_power(const Kept&) { stop(Stop::kill); }
  /// Does `step`, and ends in the middle of it. Whose storage operations are not ours to count ends
  /// right after it.
  virtual void cut_short(const Cut& cut, const std::function<void()>& step);
  /// Told before the first step whether the run will have faults of storage.
  virtual void expect_faults() {}
  /// From now on operations on the file fail; without a fault it works again. Throws CannotFollow.
  virtual void fail_storage(const std::string& file, const std::optional<StorageFault>& fault) = 0;
  /// The storage operation of that number from now on (1: the next) fails once; 0: none does any
  /// more. Throws CannotFollow.
  virtual void fail_operation(unsigned number, int error);
  /// Something else has made an image. {"return":{}}, or {"error":…} if there is such a file.
  virtual nlohmann::json find_image(const std::string& file, const foreign::Image& image) = 0;
  /// Breaks an image that nobody has open (sim/damage.h). {"return":{}} or {"error":{…}}.
  virtual nlohmann::json damage_image(const std::string& file, const std::string& what) = 0;

  /// Observations; they change nothing. See model/model.h for the shapes.
  virtual nlohmann::json image_info(const std::string& file) = 0;
  /// {"corruptions":n,"leaks":n} or {"error":{…}}.
  virtual nlohmann::json image_check(const std::string& file) = 0;
  /// What others put there that nobody else touches (sim/foreign/keepsakes.h).
  virtual nlohmann::json keepsakes(const std::string& file) = 0;
  virtual nlohmann::json dirty_ranges(const std::string& node, const std::string& bitmap) = 0;
  virtual nlohmann::json contents(const std::string& node) = 0;
  /// What dirty_ranges() only hashes, as runs; null if they cannot be had. To be asked when the run
  /// is over, for it may change things.
  virtual nlohmann::json dirty_runs(const std::string& node, const std::string& bitmap);
};

}  // namespace sim
