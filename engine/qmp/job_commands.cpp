// SPDX-License-Identifier: MIT
#include "engine/error.h"
#include "engine/qmp/arguments.h"
#include "engine/qmp/commands.h"
#include "engine/qmp/session.h"

namespace engine::qmp {
namespace {

using nlohmann::json;
using Answer = io::Task<json>;

/// Whom the block-job-* commands mean, by the name that the command gives the argument (S81).
job::Job& block_job(Session& session, const json& arguments, const char* key) {
  const std::string& id = text(arguments, key);
  job::Job* job = session.jobs.find(id);
  if (job == nullptr) {
    throw Refusal("Block job '" + id + "' not found", ErrorClass::device_not_active);
  }
  return *job;
}

/// Whom the job-* commands mean.
job::Job& any_job(Session& session, const json& arguments) {
  job::Job* job = session.jobs.find(text(arguments, "id"));
  if (job == nullptr) throw Refusal("Job not found");
  return *job;
}

Answer done() { return Answer::ready(nothing()); }

Answer pause(job::Job& job) {
  co_await job.pause();
  co_return nothing();
}

Answer resume(job::Job& job) {
  co_await job.resume();
  co_return nothing();
}

Answer cancel(job::Job& job, job::CancelMode mode) {
  co_await job.cancel(mode);
  co_return nothing();
}

Answer finalize(job::Job& job) {
  co_await job.finalize();
  co_return nothing();
}

Answer dismiss(job::Job& job) {
  co_await job.dismiss();
  co_return nothing();
}

Answer block_job_pause(Session& session, const json& arguments) {
  return pause(block_job(session, arguments, "device"));
}

Answer block_job_resume(Session& session, const json& arguments) {
  return resume(block_job(session, arguments, "device"));
}

Answer block_job_complete(Session& session, const json& arguments) {
  block_job(session, arguments, "device").complete();
  return done();
}

Answer block_job_cancel(Session& session, const json& arguments) {
  job::Job& job = block_job(session, arguments, "device");
  const bool force = value_or(arguments, "force", false);
  if (job.user_paused() && !force) {
    throw Refusal("The block job for device '" + job.id() + "' is currently paused");
  }
  return cancel(job, force ? job::CancelMode::force : job::CancelMode::soft);
}

Answer block_job_set_speed(Session& session, const json& arguments) {
  block_job(session, arguments, "device").set_speed(arguments["speed"].get<std::int64_t>());
  return done();
}

Answer block_job_finalize(Session& session, const json& arguments) {
  return finalize(block_job(session, arguments, "id"));
}

Answer block_job_dismiss(Session& session, const json& arguments) {
  return dismiss(block_job(session, arguments, "id"));
}

Answer job_pause(Session& session, const json& arguments) {
  return pause(any_job(session, arguments));
}

Answer job_resume(Session& session, const json& arguments) {
  return resume(any_job(session, arguments));
}

Answer job_complete(Session& session, const json& arguments) {
  any_job(session, arguments).complete();
  return done();
}

Answer job_cancel(Session& session, const json& arguments) {
  return cancel(any_job(session, arguments), job::CancelMode::force);
}

Answer job_finalize(Session& session, const json& arguments) {
  return finalize(any_job(session, arguments));
}

Answer job_dismiss(Session& session, const json& arguments) {
  return dismiss(any_job(session, arguments));
}

}  // namespace

std::vector<Command> job_commands() {
  const Schema device{{"device", Type::string}};
  const Schema id{{"id", Type::string}};
  return {{"block-job-pause", device, block_job_pause},
          {"block-job-resume", device, block_job_resume},
          {"block-job-complete", device, block_job_complete},
          {"block-job-cancel",
           {{"device", Type::string}, {"force", Type::boolean, Presence::optional}},
           block_job_cancel},
          {"block-job-set-speed",
           {{"device", Type::string}, {"speed", Type::integer}},
           block_job_set_speed},
          {"block-job-finalize", id, block_job_finalize},
          {"block-job-dismiss", id, block_job_dismiss},
          {"job-pause", id, job_pause},
          {"job-resume", id, job_resume},
          {"job-complete", id, job_complete},
          {"job-cancel", id, job_cancel},
          {"job-finalize", id, job_finalize},
          {"job-dismiss", id, job_dismiss}};
}

}  // namespace engine::qmp
