// SPDX-License-Identifier: MIT
// What random runs are to reach. Tests hold the table to what there is: the engine's commands, the
// verbs of the scenario language, the rules of the model.
#include "sim/fuzz/goals.h"

#include <map>

#include "sim/damage.h"
#include "sim/foreign/image.h"
#include "sim/fuzz/refusals.h"

namespace sim::fuzz {

namespace {

/// Name, and why it cannot be reached.
using Names = std::vector<std::pair<const char*, const char*>>;

const Names steps = {
    {"create", ""},
    {"foreign", ""},
    {"drive", ""},
    {"unplug", ""},
    {"wait", ""},
    {"run", ""},
    {"settle", ""},
    {"schedule", ""},
    {"fail read", ""},
    {"fail write", ""},
    {"fail flush", ""},
    {"fail off", ""},
    {"fail at", "the profile mishaps alone has it"},
    {"restart", ""},
    {"kill", ""},
    {"power", ""},
    {"kill at", ""},
    {"power at", ""},
    {"io write", ""},
    {"io writev", ""},
    {"io aio_write", ""},
    {"io read", ""},
    {"io readv", ""},
    {"io aio_read", ""},
    {"io discard", ""},
    {"io flush", ""},
    {"io aio_flush", ""},
    {"show bitmap", ""},
    {"show bitmaps", ""},
    {"show dirty", ""},
    {"show data", ""},
    {"show info", ""},
    {"show check", ""},
    {"show keepsakes", "runs that found an image of others end with it"},
    {"print", "says nothing to a subject"},
    {"qmp_capabilities", "every process was greeted already"},
    {"block-dirty-bitmap-add", ""},
    {"block-dirty-bitmap-remove", ""},
    {"block-dirty-bitmap-clear", ""},
    {"block-dirty-bitmap-enable", ""},
    {"block-dirty-bitmap-disable", ""},
    {"block-dirty-bitmap-merge", ""},
    {"x-debug-block-dirty-bitmap-sha256", ""},
    {"block_resize", ""},
    {"blockdev-snapshot-sync", ""},
    {"blockdev-snapshot", ""},
    {"blockdev-add", ""},
    {"blockdev-del", ""},
    {"block-commit", ""},
    {"block-job-complete", ""},
    {"block-job-cancel", ""},
    {"block-job-pause", ""},
    {"block-job-resume", ""},
    {"block-job-set-speed", ""},
    {"block-job-finalize", ""},
    {"block-job-dismiss", ""},
    {"job-complete", ""},
    {"job-cancel", ""},
    {"job-pause", ""},
    {"job-resume", ""},
    {"job-finalize", ""},
    {"job-dismiss", ""},
    {"human-monitor-command", "what io, drive and unplug are sent by"},
    {"query-block", ""},
    {"query-named-block-nodes", ""},
    {"query-block-jobs", ""},
    {"query-jobs", ""},
    {"query-version", ""},
    {"query-commands", ""},
    {"quit", ""},
};

const Names events = {{"BLOCK_JOB_READY", ""},     {"BLOCK_JOB_COMPLETED", ""},
                      {"BLOCK_JOB_CANCELLED", ""}, {"BLOCK_JOB_PENDING", ""},
                      {"BLOCK_JOB_ERROR", ""},     {"SHUTDOWN", "comes when the process is gone"}};

constexpr const char* passes = "passes within a command or between two events: no query can see it";
const Names job_states = {
    {"created", passes}, {"running", ""},
    {"paused", ""},      {"ready", ""},
    {"standby", ""},     {"waiting", "jobs wait for each other in transactions only"},
    {"pending", ""},     {"aborting", passes},
    {"concluded", ""},   {"null", "the job is gone: queries do not list it"}};

const Names rules_without_refusals = {
    {"S54", "bytes on disk"},
    {"S56", "bytes on disk"},
    {"S57", "the order of writes inside a store; sweep looks at it"},
};

void add(Goal::Kind kind, const Names& names, std::vector<Goal>& goals) {
  for (const auto& [name, excuse] : names) goals.push_back({kind, name, excuse});
}

std::vector<Goal> all_goals() {
  std::vector<Goal> goals;
  add(Goal::Kind::step, steps, goals);
  for (const std::string& what : damages())
    goals.push_back({Goal::Kind::step, "damage " + what, ""});
  for (const std::string& key : foreign::keys()) {
    const bool breaks = key == "patch" || key == "broken" || key == "check";
    goals.push_back({Goal::Kind::step, "foreign " + key,
                     breaks ? "scenarios tell it, random runs do not draw it" : ""});
  }
  std::map<std::string, std::string> rules;  // and why they cannot be reached
  for (const Refusal& refusal : refusals()) {
    goals.push_back({Goal::Kind::refusal, refusal.name(), refusal.excuse});
    const auto [rule, is_new] = rules.try_emplace(refusal.rule, refusal.excuse);
    if (!is_new && *refusal.excuse == '\0') rule->second.clear();
  }
  add(Goal::Kind::event, events, goals);
  add(Goal::Kind::job_state, job_states, goals);
  for (const RuleSign& sign : rule_signs()) rules[sign.rule].clear();
  for (const auto& [rule, excuse] : rules) goals.push_back({Goal::Kind::rule, rule, excuse});
  add(Goal::Kind::rule, rules_without_refusals, goals);
  return goals;
}

}  // namespace

const std::vector<Goal>& goals() {
  static const std::vector<Goal> all = all_goals();
  return all;
}

namespace {

const std::vector<RuleSign> signs = {
    {"M1", "seen", "bounds"},
    {"M2", "done", "block-commit"},
    {"M3", "refused", "block-dirty-bitmap-add"},
    {"M4", "events", "BLOCK_JOB_READY"},
    {"M5", "events", "BLOCK_JOB_READY"},
    {"M6", "seen", "bounds"},
    {"M7", "done", "block-job-complete"},
    {"M8", "events", "BLOCK_JOB_CANCELLED"},
    {"M9", "done", "kill"},
    {"M45", "done", "power"},
    {"M46", "done", "kill at"},
    {"M39", "seen", "commit_top"},
    {"M50", "done", "fail write"},
    {"M51", "done", "fail write"},
    {"M53", "done", "fail flush"},
    {"M65", "done", "fail write"},
    {"M55", "events", "BLOCK_JOB_ERROR"},
    {"M63", "seen", "io-status nospace"},
    {"M41", "done", "io aio_write"},
    {"M57", "done", "io aio_flush"},
    {"M58", "done", "block-job-complete"},
    {"M66", "events", "BLOCK_JOB_PENDING"},
    {"S1", "done", "block-dirty-bitmap-add"},
    {"S3", "done", "block-dirty-bitmap-add"},
    {"S4", "refused", "block-dirty-bitmap-add"},
    {"S9", "done", "kill"},
    {"S10", "done", "block-dirty-bitmap-add"},
    {"S11", "refused", "block-dirty-bitmap-add"},
    {"S12", "done", "show bitmaps"},
    {"S15", "done", "block-dirty-bitmap-remove"},
    {"S16", "done", "block-dirty-bitmap-clear"},
    {"S17", "done", "block-dirty-bitmap-enable"},
    {"S18", "done", "block-dirty-bitmap-merge"},
    {"S19", "refused", "block-dirty-bitmap-merge"},
    {"M18", "done", "block-dirty-bitmap-merge"},
    {"S21", "done", "block-dirty-bitmap-merge"},
    {"S22", "done", "block-dirty-bitmap-merge"},
    {"S23", "done", "io write"},
    {"S24", "done", "io discard"},
    {"S26", "done", "blockdev-snapshot-sync"},
    {"S28", "done", "show bitmaps"},
    {"M19", "done", "io discard"},
    {"S30", "done", "query-block"},
    {"S31", "done", "show bitmaps"},
    {"S32", "seen", "disabled"},
    {"S34", "seen", "inconsistent"},
    {"S35", "done", "x-debug-block-dirty-bitmap-sha256"},
    {"M10", "seen", "mirror_top"},
    {"M40", "seen", "commit_top"},
    {"M11", "seen", "mirror_top"},
    {"M12", "done", "query-named-block-nodes"},
    {"M13", "done", "query-block"},
    {"M38", "seen", "described file"},
    {"S44", "done", "restart"},
    {"S45", "done", "restart"},
    {"S46", "done", "show info"},
    {"B56", "refused", "unplug"},
    {"S48", "done", "drive"},
    {"S49", "seen", "read-only"},
    {"S50", "done", "blockdev-snapshot-sync"},
    {"S51", "seen", "inconsistent"},
    {"S55", "done", "damage bitmap-directory"},
    {"S58", "done", "show check"},
    {"S60", "done", "block_resize"},
    {"S61", "done", "block_resize"},
    {"S62", "refused", "block_resize"},
    {"S63", "done", "block_resize"},
    {"S64", "done", "block-commit"},
    {"M44", "done", "blockdev-snapshot"},
    {"S67", "done", "blockdev-snapshot-sync"},
    {"S69", "done", "show data"},
    {"S72", "done", "block-commit"},
    {"M14", "done", "block-commit"},
    {"S75", "events", "BLOCK_JOB_READY"},
    {"S76", "seen", "commit_top"},
    {"S79", "events", "BLOCK_JOB_CANCELLED"},
    {"S94", "seen", "commit_top"},
    {"S77", "events", "BLOCK_JOB_COMPLETED"},
    {"S92", "events", "BLOCK_JOB_COMPLETED"},
    {"S93", "events", "BLOCK_JOB_COMPLETED"},
    {"S78", "done", "block-commit"},
    {"M16", "done", "query-jobs"},
    {"S83", "refused", "job-complete"},
    {"S85", "done", "block-job-set-speed"},
    {"S87", "events", "BLOCK_JOB_PENDING"},
    {"S89", "done", "job-cancel"},
    {"S91", "done", "query-block-jobs"},
    {"M21", "refused", "block-dirty-bitmap-add"},
    {"M30", "done", "io write"},
    {"M31", "done", "io discard"},
    {"S110", "done", "io discard"},
    {"M67", "done", "foreign compressed"},
    {"M69", "done", "foreign dirty"},
    {"M72", "done", "foreign backing_file"},
};

}  // namespace

const std::vector<RuleSign>& rule_signs() { return signs; }

}  // namespace sim::fuzz
