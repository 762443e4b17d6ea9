// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "model/state.h"

/// The reference model: what a block layer must answer, written from RULES.md alone. Values only,
/// no bytes, no time, no files. It shares nothing with the engine but the wire's JSON.
///
/// Where the rules leave freedom (a running job, a crash), an answer holds a set of allowed values
/// in place of a value: {"$between":[lo,hi]}, {"$one-of":[…]} or {"$any":true}. A whole reply may
/// be such a set (M4, M7); a scenario that waits for a job's events gets exact answers.
namespace model {

/// What ends without a further command comes to its end (M7): jobs alone.
void settle(State& state);
/// The requests that guests have in flight are done (M41); who waits for them wakes jobs (M39).
void finish_requests(State& state);

/// How a process ends: stored and closed, killed with the page cache kept.
enum class Stop { clean, kill };

/// What happens depends on what the model does not see, which of the writes to an image's metadata
/// fails (M54), or is not modelled (M42). Thrown by any of the functions below that may change a
/// state, which is worthless then.
struct Unknowable {};

/// Lets operations ("read", "write", "flush") on a file fail from now on; an empty operation: it
/// works again. The fault is not certain if others succeed before it (M50).
void fail_storage(State& state, const std::string& file, const std::string& operation,
                  const Fault& fault);

/// QMP: request in, reply out, `human-monitor-command` excepted.
nlohmann::json execute(State& state, const nlohmann::json& request);

/// What a request may come to that meets jobs on their way to READY (M4) or to their end (M58): one
/// of these.
struct Outcome {
  nlohmann::json reply;
  State state;
};
bool meets_moving_jobs(const State& state, const nlohmann::json& request);
std::vector<Outcome> execute_in_the_midst(const State& state, const nlohmann::json& request);
/// What `step` may come to, of which nobody knows what the faults of storage did to it (M65): one
/// of these. `tells`: whether it answers when what it closes cannot be stored. Throws Unknowable
/// unless it opens the only image or closes the last, and no job runs.
std::vector<Outcome> in_doubt(const State& before, bool tells,
                              const std::function<nlohmann::json(State&)>& step);
/// The states in one of which a process is quit: jobs on their way to their end come to it, or
/// are cancelled.
std::vector<State> before_stop(const State& state);

/// The next event of that name that the state has sent or can still send without a further command;
/// jobs advance as far as that needs. {"event":…,"data":…} without a timestamp, or nothing.
std::optional<nlohmann::json> await_event(State& state, const std::string& name);

/// Guest I/O in qemu-io's words ("write -P 0xa5 64K 512"). Answers the lines that qemu-io prints
/// for a failure or a mismatch, e.g. "write failed: Operation not permitted"; empty on success;
/// {"$any":true} as text where the model does not know (M9, M32).
std::string guest_io(State& state, const std::string& node, const std::string& command);

/// qemu-img create: {"file":…,"size":…,"format":…,"cluster_size":…,"compat":…,"refcount_bits":…,
/// "backing_file":…,"backing_fmt":…}, strings as the script has them. {"return":{}} or {"error":…}
/// with the first line of what qemu-img says, without "qemu-img: FILE: " (M25, M26).
nlohmann::json create_image(State& state, const nlohmann::json& options);
/// Something else has made an image, all of which is known. False if there is such a file.
bool put_image(State& state, const std::string& file, Image image);
/// Something else breaks an image at rest that holds bitmaps (S53, S55); `what` is one of
/// bitmap-count, bitmap-directory, bitmap-extra, bitmap-type, bitmap-table, autoclear. Done twice
/// it is whole again, but for autoclear. {"return":{}} or {"error":…} if there are no bitmaps.
nlohmann::json damage_image(State& state, const std::string& file, const std::string& what);
/// Plugs a drive: {"id":…,"file":…,"format":…,"node-name":…,"read-only":…,"discard":…}.
nlohmann::json add_drive(State& state, const nlohmann::json& options);
/// Unplugs a drive (HMP drive_del). {"return":{}} or {"error":…}.
nlohmann::json delete_drive(State& state, const std::string& id);
/// Ends the process. The files stay; what they hold afterwards depends on how it ended.
void stop(State& state, Stop how);
/// What may be left when the process is killed or the power fails (M45): one of these. Throws
/// Unknowable if they are too many to be told apart.
std::vector<State> crash(const State& state);
/// The same in the middle of a step that leads from one to the other (M46).
std::vector<State> crash(const State& before, const State& after);

/// What somebody saw of the state, who now knows more than the rules say: contents as contents()
/// has them, dirty runs [[start,length]…]. Only what does not move is learnt: no job is running and
/// no request in flight. Requires that the state allows to see that. Whether anything was learnt.
bool learn_contents(State& state, const std::string& node, const nlohmann::json& seen);
bool learn_dirty(State& state, const std::string& node, const std::string& name,
                 const nlohmann::json& seen);

/// Files that this process lets nobody else read (M56).
std::set<std::string> unreadable(const State& state);

/// The files as a process sees them that checks one: no node is open. A broken table of snapshots
/// hinders nobody there (M70).
State files_to_check(const State& state);

/// What lies in an image file as qemu-img info sees it: {"format","virtual-size","cluster-size",
/// "backing-filename"?,"bitmaps":[{"name","granularity","flags":[…]}…]}, in directory order.
/// Whoever checks is refused in other words where the table of snapshots is broken (M70).
nlohmann::json image_info(const State& state, const std::string& file, bool checks = false);
/// The dirty runs of a bitmap: {"must":[[start,length]…],"may":[[start,length]…]} in bytes, clipped
/// to the disk; equal when the model knows exactly. An error reply if there is no such bitmap.
nlohmann::json dirty_ranges(const State& state, const std::string& node, const std::string& name);
/// What the guest may read: [[start,length,[allowed byte…]]…], every byte of the disk in order.
nlohmann::json contents(const State& state, const std::string& node);

}  // namespace model
