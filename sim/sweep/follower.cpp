// SPDX-License-Identifier: MIT
#include "sim/sweep/follower.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "sim/allowed.h"
#include "sim/difference.h"
#include "sim/observe.h"
#include "sim/request.h"
#include "sim/subjects.h"

namespace sim::sweep {

using nlohmann::json;

namespace {

enum class Outcome { done, refused, unknown };

Outcome outcome_of(const Step& step, const json& answer) {
  const Allowed allowed(answer);
  if (allowed.anything()) return Outcome::unknown;
  if (allowed.kind() == Allowed::Kind::one_of) {
    const std::vector<Allowed> worlds = allowed.alternatives();
    const Outcome first = outcome_of(step, worlds.front().said());
    const bool same = std::ranges::all_of(
        worlds, [&](const Allowed& each) { return outcome_of(step, each.said()) == first; });
    return same ? first : Outcome::unknown;
  }
  if (std::holds_alternative<IoStep>(step.action)) {
    return answer == "" ? Outcome::done : Outcome::refused;
  }
  if (std::holds_alternative<WaitStep>(step.action)) {
    const bool of_failure = answer.is_object() && answer.value("data", json()).contains("error");
    return answer.is_null() || of_failure ? Outcome::refused : Outcome::done;
  }
  return answer.is_object() && answer.contains("error") ? Outcome::refused : Outcome::done;
}

json ask(Subject& subject, const char* query) { return subject.execute({{"execute", query}}); }

bool is_command(const Step& step, const char* name) {
  const auto* command = std::get_if<QmpStep>(&step.action);
  return command != nullptr && command->request.value("execute", json()) == name;
}

bool only_looks(const Step& step) {
  const auto* command = std::get_if<QmpStep>(&step.action);
  const bool query = command != nullptr && is_query(command->request);
  return query || std::holds_alternative<ShowStep>(step.action) ||
         std::holds_alternative<PrintStep>(step.action);
}

/// Whether images are closed in it, and the bitmaps stored.
bool closes(const Step& step) {
  return step.cut || std::holds_alternative<StopStep>(step.action) ||
         std::holds_alternative<UnplugStep>(step.action) || is_command(step, "quit") ||
         is_command(step, "blockdev-del");
}

/// Whether all jobs came to rest in it, for the model takes them to have copied everything then. A
/// wait for an event that does not come is such a step.
bool rests(const Step& step, const json& answer) {
  const bool waits = std::holds_alternative<WaitStep>(step.action);
  return std::holds_alternative<SettleStep>(step.action) ||
         (waits && outcome_of(step, answer) == Outcome::refused);
}

bool waited_for_success(const Step& step, const json& answer) {
  return std::holds_alternative<WaitStep>(step.action) && outcome_of(step, answer) == Outcome::done;
}

/// Also those that may be over already.
std::set<std::string> jobs_of(Subject& subject) {
  std::set<std::string> ids;
  const json reply = ask(subject, "query-jobs");
  for (const Allowed& world : Allowed(reply).alternatives()) {
    if (!world.said().contains("return")) continue;
    for (const json& job : world.said()["return"]) ids.insert(job["id"].get<std::string>());
  }
  return ids;
}

/// Those that the model cannot think to be over.
std::set<std::string> sure_jobs_of(Subject& model) {
  std::set<std::string> sure = jobs_of(model);
  const json reply = ask(model, "query-jobs");
  for (const Allowed& world : Allowed(reply).alternatives()) {
    if (!world.said().contains("return")) return {};
    std::set<std::string> here;
    for (const json& job : world.said()["return"]) here.insert(job["id"].get<std::string>());
    std::erase_if(sure, [&](const std::string& id) { return !here.contains(id); });
  }
  return sure;
}

/// Which image each device shows.
std::map<std::string, std::string> files_of_devices(Subject& subject) {
  std::map<std::string, std::string> files;
  const json reply = ask(subject, "query-block");
  if (!reply.contains("return")) return files;
  for (const json& device : reply["return"]) {
    if (!device.contains("inserted")) continue;
    files[device["device"].get<std::string>()] = device["inserted"]["file"].dump();
  }
  return files;
}

/// A request that is told at once how it went, in place of one that is not.
Step awaited(const Step& step) {
  Step result = step;
  auto* io = std::get_if<IoStep>(&result.action);
  if (io != nullptr && io->command.starts_with("aio_")) io->command.erase(0, 4);
  return result;
}

sim::Finding wrong(Fault fault, const std::string& expected, const std::string& seen) {
  return {fault, {}, expected, seen};
}

std::optional<sim::Finding> judge_check(const json& allowed, const json& seen) {
  const std::vector<Allowed> worlds = Allowed(allowed).alternatives();
  const bool may_fail = std::ranges::any_of(
      worlds, [](const Allowed& each) { return !each.said().contains("corruptions"); });
  if (seen.contains("error")) {
    if (may_fail) return std::nullopt;
    return wrong(Fault::different, "an image that can be checked", seen.dump());
  }
  // Refcounts that the image came with (M69).
  const bool is_known = std::ranges::any_of(worlds, [&seen](const Allowed& each) {
    return each.said().value("corruptions", json(0)) == seen["corruptions"];
  });
  if (is_known || seen["corruptions"] == 0) return std::nullopt;
  return wrong(Fault::different, "no corruptions", seen.dump());
}

/// Each world has its bits; those of one must all be there.
std::optional<sim::Finding> judge_bits(const Step& step, const json& allowed, const json& seen) {
  if (seen.contains("error")) return std::nullopt;
  std::optional<sim::Finding> found;
  for (const Allowed& world : Allowed(allowed).alternatives()) {
    if (!AllowedBits::from(world.said())) continue;
    found = judge(step, world.said(), seen);
    if (!found || found->fault != Fault::under_dirty) return std::nullopt;
  }
  return found;
}

}  // namespace

std::optional<sim::Finding> AnyCase::operator()(const Step& step, const json& allowed,
                                                const json& seen) {
  const auto* show = std::get_if<ShowStep>(&step.action);
  if (show != nullptr && show->sight == Sight::bitmaps && seen.is_array()) {
    invalid_.clear();
    for (const json& bitmap : seen) {
      if (bitmap.value("inconsistent", false)) invalid_.insert(bitmap["name"].get<std::string>());
    }
  }
  if (Allowed(allowed).anything()) return std::nullopt;
  if (std::holds_alternative<DriveStep>(step.action)) {
    const bool opens = outcome_of(step, allowed) == Outcome::done;
    if (!opens || outcome_of(step, seen) == Outcome::done) return std::nullopt;
    return wrong(Fault::different, "an image that can be opened", seen.dump());
  }
  return show == nullptr ? std::nullopt : judge_show(*show, step, allowed, seen);
}

std::optional<sim::Finding> AnyCase::judge_show(const ShowStep& show, const Step& step,
                                                const json& allowed, const json& seen) {
  if (show.sight == Sight::check) return judge_check(allowed, seen);
  if (show.sight == Sight::data && seen.is_array()) return judge(step, allowed, seen);
  const bool bits = show.sight == Sight::dirty && !invalid_.contains(show.bitmap);
  return bits ? judge_bits(step, allowed, seen) : std::nullopt;
}

std::unique_ptr<Subject> Follower::model() const {
  std::unique_ptr<Subject> copy = copy_of_model(*model_);
  if (lost_) copy->fail_operation(1, EIO);
  return copy;
}

void Follower::take(std::unique_ptr<Subject> next) {
  lost_ |= allows_everything(*next);
  model_ = std::move(next);
}

void Follower::meet(const Step& step, const json& answer, const std::string& file,
                    const StorageFault& fault, Subject& engine) {
  // What was in flight may have met it as well.
  lost_ |= in_flight_;
  flush_failed_ |= fault.operation == Operation::flush;
  if (rests(step, answer)) end_jobs_that_met_it(engine);
  lost_ |= !waited_for_success(step, answer) && is_over_unseen(engine);
  if (std::holds_alternative<IoStep>(step.action)) {
    // A request may have come before the end of a job that met the fault, or after it.
    lost_ |= has_lost_a_job(engine);
    return meet_request(step, answer, file, fault);
  }
  if (closes(step)) return end_in_doubt(step);
  // The end of a job closes what lay above its base.
  lost_ |= waited_for_success(step, answer);
  start_struck_ = is_command(step, "block-commit");
  const bool half_done = is_command(step, "block_resize");
  lost_ |= !step_on(step, answer) || (half_done && outcome_of(step, answer) == Outcome::refused);
  if (refused_ > 0 && !lost_) end_jobs_that(engine);
  refused_ = 0;  // it met the fault
}

/// The model knows what a request may leave that one operation failed on (M52).
void Follower::meet_request(const Step& step, const json& answer, const std::string& file,
                            const StorageFault& fault) {
  std::unique_ptr<Subject> next = copy_of_model(*model_);
  StorageFault perhaps = fault;
  perhaps.once = true;
  perhaps.after = 1;
  next->fail_storage(file, perhaps);
  observe(*next, awaited(step));
  next->fail_storage(file, std::nullopt);
  if (!allows_everything(*next)) return take(std::move(next));
  // A flush does not tell whether it made anything durable, and nobody tells how what is in flight
  // went.
  const std::string& command = std::get<IoStep>(step.action).command;
  const bool silent = command.ends_with("flush") || command.starts_with("aio_");
  lost_ |= silent || outcome_of(step, answer) != Outcome::done;
  if (!lost_) step_on(step, answer);
}

/// What is closed while its storage fails is as after a crash in that step: bitmaps are stored or
/// still in use, and of what was not flushed anything may be there (M53, M54).
void Follower::end_in_doubt(const Step& step) {
  const bool unplugs = std::holds_alternative<UnplugStep>(step.action);
  std::unique_ptr<Subject> next = copy_of_model(*model_);
  // Others that stay open would be gone as well.
  if (is_command(step, "blockdev-del") || (unplugs && files_of_devices(*next).size() != 1)) {
    lost_ = true;
    return;
  }
  Step whole = step;
  whole.cut.reset();
  next->cut_short(Cut{}, [&] { observe(*next, whole); });
  take(std::move(next));
}

/// Whether the model could follow.
bool Follower::step_on(const Step& step, const json& answer) {
  std::unique_ptr<Subject> next = copy_of_model(*model_);
  const Outcome ours = outcome_of(step, observe(*next, step));
  const Outcome theirs = outcome_of(step, answer);
  if (only_looks(step) || closes(step) || (theirs == Outcome::done && ours != Outcome::refused) ||
      (theirs == Outcome::refused && ours != Outcome::done)) {
    take(std::move(next));
    return true;
  }
  if (theirs == Outcome::done) return false;
  ++refused_;
  return true;
}

void Follower::follow(const Step& step, const json& answer, Subject& engine) {
  if (rests(step, answer)) end_jobs_that_met_it(engine);
  if (lost_) return;
  const unsigned refused = refused_;
  if (step_on(step, answer) && refused_ == refused) return;
  end_jobs_that(engine);
  refused_ = refused;
  lost_ |= !step_on(step, answer);
  // What it left, who knows.
  lost_ |= refused_ > refused && std::holds_alternative<IoStep>(step.action);
}

/// A job that met the fault has ended; to the model it was cancelled (M8, M55).
void Follower::end_jobs_that(Subject& engine) {
  const std::set<std::string> theirs = jobs_of(engine);
  for (const std::string& id : jobs_of(*model_)) {
    if (theirs.contains(id)) continue;
    model_->execute(
        {{"execute", "block-job-cancel"}, {"arguments", {{"device", id}, {"force", true}}}});
    model_->await_event("BLOCK_JOB_CANCELLED");
    for (const char* end : {"job-finalize", "job-dismiss"}) {
      if (jobs_of(*model_).contains(id)) {
        model_->execute({{"execute", end}, {"arguments", {{"id", id}}}});
      }
    }
  }
  lost_ |= jobs_of(*model_) != theirs || allows_everything(*model_);
}

void Follower::note_in_flight(const Step& step) {
  const auto* io = std::get_if<IoStep>(&step.action);
  if (io != nullptr && io->command.starts_with("aio_write")) in_flight_ = true;
  const bool waits = std::holds_alternative<SettleStep>(step.action) ||
                     (io != nullptr && io->command.starts_with("aio_flush"));
  if (waits || std::holds_alternative<StopStep>(step.action)) in_flight_ = false;
}

void Follower::before(const Step& step, Subject& engine) {
  end_jobs_that_met_it(engine);
  if (closes(step)) compare_devices(engine);
}

/// Whether a job that ends by itself has: with success or because it met the fault, nobody saw.
bool Follower::is_over_unseen(Subject& engine) {
  const std::set<std::string> theirs = jobs_of(engine), sure = sure_jobs_of(*model_);
  return std::ranges::any_of(jobs_of(*model_), [&](const std::string& id) {
    return !sure.contains(id) && !theirs.contains(id);
  });
}

bool Follower::has_lost_a_job(Subject& engine) {
  return !std::ranges::includes(jobs_of(engine), sure_jobs_of(*model_));
}

/// A job that met the fault on its way ends when it comes to it.
void Follower::end_jobs_that_met_it(Subject& engine) {
  if (lost_ || !has_lost_a_job(engine)) return;
  end_jobs_that(engine);
  lost_ |= start_struck_;
}

void Follower::compare_devices(Subject& engine) {
  if (lost_) return;
  lost_ |= files_of_devices(*model_) != files_of_devices(engine);
}

}  // namespace sim::sweep
