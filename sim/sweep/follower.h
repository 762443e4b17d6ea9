// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>

#include "sim/step.h"
#include "sim/verdict.h"

namespace sim::sweep {

/// Leads the model along after one operation of an engine's storage failed. Whether a step that
/// met it was carried out or refused, only the engine can tell; the model then goes on as the world
/// in which it was so, and says what bitmaps must hold and what bytes the guest may read there.
/// Where that is not to be known (a request in flight or a job met the fault, half of a chain
/// change was done) the model is lost, and only what holds in any case is left to judge.
class Follower {
 public:
  /// `model` is as it was before the step that met the fault.
  explicit Follower(std::unique_ptr<Subject> model) : model_(std::move(model)) {}

  /// A step before the fault, which may start requests that nobody waits for.
  void note_in_flight(const Step& step);
  /// The engine answered this to the step in which an operation on a file failed.
  void meet(const Step& step, const nlohmann::json& answer, const std::string& file,
            const StorageFault& fault, Subject& engine);
  /// It is about to do a later one.
  void before(const Step& step, Subject& engine);
  /// It answered this to a later one. `engine` may be asked for its jobs.
  void follow(const Step& step, const nlohmann::json& answer, Subject& engine);
  /// Nothing that the guest or a client does goes on any more: the engine's devices show the images
  /// that the model's do, or the model is lost.
  void compare_devices(Subject& engine);

  bool lost() const { return lost_; }
  /// Steps that the engine refused after the fault though nothing that is known forbids them.
  unsigned refused() const { return refused_; }
  /// Tables that no flush reaches any more may make any request fail (M53).
  bool flush_failed() const { return flush_failed_; }
  /// What the model allows to be seen: of a lost one, nothing is known.
  std::unique_ptr<Subject> model() const;

 private:
  void meet_request(const Step& step, const nlohmann::json& answer, const std::string& file,
                    const StorageFault& fault);
  void end_in_doubt(const Step& step);
  bool step_on(const Step& step, const nlohmann::json& answer);
  void end_jobs_that(Subject& engine);
  bool has_lost_a_job(Subject& engine);
  void end_jobs_that_met_it(Subject& engine);
  bool is_over_unseen(Subject& engine);
  void take(std::unique_ptr<Subject> next);

  std::unique_ptr<Subject> model_;
  bool lost_ = false;
  bool flush_failed_ = false;
  bool in_flight_ = false;
  bool start_struck_ = false;  ///< of a commit: whether it has grown its base, nobody knows
  unsigned refused_ = 0;
};

/// Judges what is seen of an engine after a fault by what holds whatever it made of that.
class AnyCase {
 public:
  /// The first thing in what a `show`, or the plugging of a drive, shows that cannot be: a bitmap
  /// that calls itself valid and lacks a bit, a byte that nobody wrote, an image that is corrupt or
  /// cannot be opened. What says too much is allowed. Remembers which bitmaps are invalid.
  std::optional<sim::Finding> operator()(const Step& step, const nlohmann::json& allowed,
                                         const nlohmann::json& seen);

 private:
  std::optional<sim::Finding> judge_show(const ShowStep& show, const Step& step,
                                         const nlohmann::json& allowed, const nlohmann::json& seen);

  std::set<std::string> invalid_;  ///< of the node whose bitmaps were shown last
};

}  // namespace sim::sweep
