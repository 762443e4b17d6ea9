// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>

#include "sim/fuzz/generator.h"

namespace sim::fuzz {

namespace {

/// So many ways of a power cut to keep, lose and tear what was not flushed are drawn from.
constexpr std::uint64_t many_cuts = 1000000;

}  // namespace

std::string Generator::bitmap_verb(Kind kind, const View& view) {
  const char* verb = kind == Kind::remove   ? "remove"
                     : kind == Kind::clear  ? "clear"
                     : kind == Kind::enable ? "enable"
                                            : "disable";
  return fmt::format("block-dirty-bitmap-{} {}", verb, bitmap_of(view));
}

std::string Generator::add(const View& view) {
  std::string text =
      fmt::format("block-dirty-bitmap-add node={} name=b{}", node_of(view), below(3));
  if (chance(70)) {
    const std::uint64_t granularity = std::uint64_t{512} << below(chance(25)   ? 1
                                                                  : chance(90) ? 9
                                                                               : 24);
    text += fmt::format(" granularity={}", chance(97) ? granularity : granularity + 1);
  }
  if (chance(60)) text += " persistent=true";
  if (chance(15)) text += " disabled=true";
  return text;
}

std::string Generator::merge(const View& view) {
  if (!view.bitmaps.empty() && chance(30)) return merge_into_new(view);
  std::string sources;
  for (std::uint64_t i = chance(3) ? 0 : 1 + below(2); i > 0; --i) {
    if (!sources.empty()) sources += ",";
    if (!view.bitmaps.empty() && chance(70)) {
      const View::Bitmap& from = one_of(view.bitmaps);
      sources += fmt::format(R"({{"node":"{}","name":"{}"}})", from.node, from.name);
    } else {
      sources += fmt::format("\"b{}\"", below(3));
    }
  }
  std::string target = bitmap_of(view);
  target.replace(target.find(" name="), 6, " target=");
  return fmt::format("block-dirty-bitmap-merge {} bitmaps=[{}]", target, sources);
}

/// As backup tools do it. Bitmaps that recorded side by side have little to give each other.
std::string Generator::merge_into_new(const View& view) {
  const View::Bitmap from = one_of(view.bitmaps);
  const std::string name = fmt::format("b{}", below(3));
  // S21: now and then there is one too many.
  const char* more = chance(15) ? ",\"nowhere\"" : "";
  planned_.push_back(fmt::format("block-dirty-bitmap-merge node={} target={} bitmaps=[\"{}\"{}]",
                                 from.node, name, from.name, more));
  planned_.push_back(fmt::format("show dirty {} {}", from.node, name));
  std::string text = fmt::format("block-dirty-bitmap-add node={} name={}", from.node, name);
  if (chance(50)) text += fmt::format(" granularity={}", 512 << below(9));
  return text + " disabled=true";
}

std::string Generator::snapshot(const View& view) {
  const std::string file = new_file();
  std::string text = fmt::format("blockdev-snapshot-sync device={} snapshot-file={}", drive, file);
  if (chance(90)) text += fmt::format(" snapshot-node-name={}", new_node());
  if (chance(15) && !view.file.empty()) {
    // S67, M29: onto an image that is there, and has a size and clusters of its own.
    planned_.push_back(text + " mode=existing");
    text = fmt::format("create {} {} cluster_size={} backing_file={} backing_fmt=qcow2", file,
                       disk_size(), one_of<unsigned>({512, 65536, 2097152}), view.file);
  }
  images_.push_back(file);
  return text;
}

/// The name of a node, for who is in his senses.
std::string Generator::layer_of(const View& view) {
  return !view.nodes.empty() && chance(90) ? one_of(view.nodes).name : node_of(view);
}

std::string Generator::commit(const View& view) {
  if (view.depth == 0 && chance(80)) return snapshot(view);
  std::string text = fmt::format("block-commit device={}", drive);
  if (chance(30)) {
    text += fmt::format(" base-node={}", layer_of(view));
  } else if (chance(8)) {
    text += fmt::format(" base={}", one_of(images_));
  }
  if (chance(25)) {
    text += fmt::format(" top-node={}", layer_of(view));
  } else if (chance(8)) {
    text += fmt::format(" top={}", one_of(images_));
  }
  if (chance(20)) text += fmt::format(" speed={}", one_of<unsigned>({1, 1048576, 16777216}));
  const std::string job = chance(12) ? "j1" : drive;
  if (job != drive) text += " job-id=" + job;
  const bool by_command = chance(15);
  if (by_command) text += " auto-finalize=false";
  if (chance(12)) text += " auto-dismiss=false";
  if (chance(5)) text += fmt::format(" filter-node-name={}", new_node());
  if (chance(3)) text += " backing-file=elsewhere";
  if (chance(6)) {
    text += " on-error=" + one_of<std::string>({"report", "ignore", "enospc", "stop", "auto"});
  }
  // Left to chance alone, few jobs would come to their end.
  if (!chance(50)) return text;
  planned_.push_back("wait BLOCK_JOB_READY");
  if (chance(50)) return text;
  for (std::string& each : completion(job, view)) planned_.push_back(std::move(each));
  if (by_command) planned_.push_back("job-finalize id=" + job);
  return text;
}

/// What brings the job on, where there is such a thing.
std::string Generator::verb_for(const View::Job& job, const View& view) {
  if (job.status == "pending") return fmt::format("job-finalize id={}", job.id);
  if (job.status == "concluded") return fmt::format("job-dismiss id={}", job.id);
  const bool waits = job.status == "paused" || job.status == "standby";
  if (waits && chance(70)) return "job-resume id=" + job.id;
  std::vector<std::string> lines = completion(job.id, view);
  if (chance(60)) lines.push_back("wait BLOCK_JOB_COMPLETED");
  planned_.insert(planned_.begin(), lines.begin() + 1, lines.end());
  return lines.front();
}

/// A job is told to complete. The guest may be at work then, and while the job comes to its end
/// (M41), and clients may say more before that, or just afterwards (M58).
std::vector<std::string> Generator::completion(const std::string& job, const View& view) {
  const bool at_work = faulty_.empty() && chance(50);  // M52
  std::vector<std::string> lines;
  while (at_work && chance(50)) lines.push_back(async_request(view));
  lines.push_back("block-job-complete device=" + job);
  if (chance(60)) lines.push_back(fmt::format("run {}", 1 + below(40)));
  if (at_work && chance(50)) {
    do lines.push_back(async_request(view));
    while (chance(55));
  } else if (chance(15)) {
    lines.push_back("restart");
  } else if (chance(50)) {
    const auto thought =
        one_of<std::string>({"block-job-cancel force=true device=", "block-job-cancel device=",
                             "job-cancel id=", "block-job-complete device="});
    lines.push_back(thought + job);
  }
  return lines;
}

/// Clients that got no answer in time say it again.
std::string Generator::job_verb(const View& view) {
  std::string verb = one_job_verb(view);
  if (chance(12)) planned_.push_front(verb);
  return verb;
}

std::string Generator::one_job_verb(const View& view) {
  if (!view.jobs.empty() && chance(45)) return verb_for(one_of(view.jobs), view);
  const std::string job = job_of(view);
  if (chance(60)) {
    const std::string verb = one_of<std::string>({"cancel", "pause", "resume", "complete"});
    const bool force = verb == "cancel" && chance(40);
    return fmt::format("block-job-{} device={}{}", verb, job, force ? " force=true" : "");
  }
  if (chance(20)) {
    return fmt::format("block-job-set-speed device={} speed={}", job,
                       one_of<unsigned>({0, 1048576, 16777216}));
  }
  if (chance(20)) {
    return fmt::format("block-job-{} id={}", chance(50) ? "finalize" : "dismiss", job);
  }
  return fmt::format(
      "job-{} id={}",
      one_of<std::string>({"cancel", "pause", "resume", "complete", "finalize", "dismiss"}), job);
}

std::string Generator::wait() {
  return "wait " +
         one_of<std::string>({"BLOCK_JOB_READY", "BLOCK_JOB_READY", "BLOCK_JOB_COMPLETED",
                              "BLOCK_JOB_COMPLETED", "BLOCK_JOB_CANCELLED", "BLOCK_JOB_PENDING"});
}

std::string Generator::resize(const View& view) {
  const std::uint64_t size = chance(3)    ? 0
                             : chance(50) ? disk_size()
                                          : view.size + 512 * below(300);
  const std::string which =
      chance(85) ? fmt::format("device={}", drive) : "node-name=" + node_of(view);
  return fmt::format("block_resize {} size={}", which, chance(95) ? size : size + 1);
}

/// A step in which the process or the power goes. What a new image or a new chain is like then,
/// sweep looks at.
std::string Generator::cut_short(const View& view) {
  const Kind what = one_of<Kind>({Kind::write, Kind::write, Kind::zero, Kind::discard, Kind::flush,
                                  Kind::add, Kind::remove, Kind::clear, Kind::enable, Kind::disable,
                                  Kind::merge, Kind::resize, Kind::restart, Kind::restart});
  const std::string step = what == Kind::restart ? "quit" : line(what, view);
  // What had to come before it, or was to come after it, is not to be.
  const std::uint64_t operation = 1 + below(chance(70) ? 8 : 40);
  planned_.clear();
  plan_next_process();
  if (chance(40)) return fmt::format("kill at {}: {}", operation, step);
  return fmt::format("power at {} seed={}: {}", operation, below(many_cuts), step);
}

void Generator::plan_next_process() {
  // While nobody has it open; S58.
  if (chance(20)) planned_.push_back("show check " + (file_.empty() ? images_.back() : file_));
  plug();
}

std::string Generator::end_process(Kind kind) {
  plan_next_process();
  if (kind == Kind::kill) return "kill";
  if (kind == Kind::power) return fmt::format("power seed={}", below(many_cuts));
  return chance(90) ? "restart" : "quit";
}

std::string Generator::ask() {
  if (chance(10)) return one_of<std::string>({"query-version", "query-commands"});
  return one_of<std::string>({"query-block", "query-named-block-nodes",
                              "query-named-block-nodes flat=true", "query-block-jobs",
                              "query-jobs"});
}

std::string Generator::observe(Kind kind, const View& view) {
  if (kind == Kind::see_bitmaps) return "show bitmaps " + node_of(view);
  if (kind == Kind::see_data) return fmt::format("show data {}", drive);
  if (kind == Kind::see_info) return "show info " + one_of(images_);
  if (kind == Kind::ask) return ask();
  if (kind == Kind::see_hash) return "x-debug-block-dirty-bitmap-sha256 " + bitmap_of(view);
  const View::Bitmap bitmap =
      view.bitmaps.empty() ? View::Bitmap{node_of(view), "b0"} : one_of(view.bitmaps);
  return fmt::format("show {} {} {}", chance(85) ? "dirty" : "bitmap", bitmap.node, bitmap.name);
}

}  // namespace sim::fuzz
