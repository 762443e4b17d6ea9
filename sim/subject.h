// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sim {

/// How a process ends. A power cut also loses what was not flushed; the disk decides what.
enum class Stop { clean, kill, power };

/// A subject broke: it died, hung or talked rubbish.
class SubjectFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Something that runs scenarios: the model, the engine, a real QEMU. One process at a time,
/// started when first needed; files outlive it. All names of files are as the script has them
/// (TEST_DIR/PID-…); a subject that has real files translates in both directions, so that subjects
/// can be compared by what they show.
///
/// Answers are JSON as the wire has it. A refusal is an answer. What is thrown is a SubjectFailure:
/// the subject itself broke (died, hung, talked rubbish).
class Subject {
 public:
  virtual ~Subject() = default;
  virtual std::string_view name() const = 0;

  /// A QMP request: {"return":…} or {"error":{"class":…,"desc":…}}.
  virtual nlohmann::json execute(const nlohmann::json& request) = 0;
  /// Waits for the next event of that name; nothing if none can come any more.
  virtual std::optional<nlohmann::json> await_event(const std::string& event) = 0;
  /// qemu-io on a device or node: the lines of a failure or a mismatch, empty on success.
  virtual std::string guest_io(const std::string& node, const std::string& command) = 0;

  /// qemu-img create, drive_add and drive_del; options as the script has them. {"return":{}} or
  /// {"error":{…}}.
  virtual nlohmann::json create_image(const nlohmann::json& options) = 0;
  virtual nlohmann::json add_drive(const nlohmann::json& options) = 0;
  virtual nlohmann::json delete_drive(const std::string& id) = 0;
  /// Lets the world go on by `events` events where time is ours; elsewhere does nothing.
  virtual void run(unsigned events) = 0;
  virtual void stop(Stop how) = 0;

  /// Observations; they change nothing. See model/model.h for the shapes.
  virtual nlohmann::json image_info(const std::string& file) = 0;
  /// {"corruptions":n,"leaks":n} or {"error":{…}}.
  virtual nlohmann::json image_check(const std::string& file) = 0;
  virtual nlohmann::json dirty_ranges(const std::string& node, const std::string& bitmap) = 0;
  virtual nlohmann::json contents(const std::string& node) = 0;
};

}  // namespace sim
