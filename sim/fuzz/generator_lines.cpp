// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>

#include "sim/fuzz/generator.h"

namespace sim::fuzz {

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
  planned_.push_back(fmt::format("block-dirty-bitmap-merge node={} target={} bitmaps=[\"{}\"]",
                                 from.node, name, from.name));
  planned_.push_back(fmt::format("show dirty {} {}", from.node, name));
  std::string text = fmt::format("block-dirty-bitmap-add node={} name={}", from.node, name);
  if (chance(50)) text += fmt::format(" granularity={}", 512 << below(9));
  return text + " disabled=true";
}

std::string Generator::snapshot() {
  images_.push_back(new_file());
  return fmt::format(
      "blockdev-snapshot-sync device={} snapshot-file={} format=qcow2 snapshot-node-name={}", drive,
      images_.back(), new_node());
}

std::string Generator::commit(const View& view) {
  std::string text = fmt::format("block-commit device={}", drive);
  if (chance(30)) text += fmt::format(" base-node={}", node_of(view));
  if (chance(20)) text += fmt::format(" top-node={}", node_of(view));
  if (chance(20)) text += fmt::format(" speed={}", one_of<unsigned>({1, 1048576, 16777216}));
  // Left to chance alone, few jobs would come to their end.
  if (chance(50)) planned_.push_back("wait BLOCK_JOB_READY");
  return text;
}

std::string Generator::job_verb(const View& view) {
  const std::string job = !view.jobs.empty() && chance(97) ? one_of(view.jobs).id : drive;
  switch (below(7)) {
    case 0:
      return fmt::format("block-job-cancel device={}{}", job, chance(40) ? " force=true" : "");
    case 1:
      return fmt::format("block-job-pause device={}", job);
    case 2:
      return fmt::format("block-job-resume device={}", job);
    case 3:
      return fmt::format("block-job-set-speed device={} speed={}", job,
                         one_of<unsigned>({0, 1048576, 16777216}));
    default:
      if (chance(60)) planned_.push_back("wait BLOCK_JOB_COMPLETED");
      return fmt::format("block-job-complete device={}", job);
  }
}

std::string Generator::wait() {
  return "wait " + one_of<std::string>({"BLOCK_JOB_READY", "BLOCK_JOB_READY", "BLOCK_JOB_COMPLETED",
                                        "BLOCK_JOB_COMPLETED", "BLOCK_JOB_CANCELLED"});
}

std::string Generator::resize(const View& view) {
  const std::uint64_t size = chance(50) ? disk_size() : view.size + 512 * below(300);
  return fmt::format("block_resize device={} size={}", drive, chance(95) ? size : size + 1);
}

std::string Generator::end_process(Kind kind) {
  plug();
  return kind == Kind::kill ? "kill" : "restart";
}

std::string Generator::observe(Kind kind, const View& view) {
  switch (kind) {
    case Kind::see_bitmaps:
      return "show bitmaps " + node_of(view);
    case Kind::see_dirty: {
      if (view.bitmaps.empty()) return fmt::format("show dirty {} b0", node_of(view));
      const View::Bitmap& bitmap = one_of(view.bitmaps);
      return fmt::format("show dirty {} {}", bitmap.node, bitmap.name);
    }
    case Kind::see_data:
      return fmt::format("show data {}", drive);
    case Kind::see_info:
      return "show info " + one_of(images_);
    default:
      return one_of<std::string>(
          {"query-block", "query-named-block-nodes", "query-block-jobs", "query-jobs"});
  }
}

}  // namespace sim::fuzz
