// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/block/layer.h"
#include "engine/job/commit_plan.h"

namespace engine::job {

/// Keeps others from reading a file as long as it lives (BLK_PERM_CONSISTENT_READ not shared).
class Unshared {
 public:
  /// Throws Refusal if the file has readers.
  explicit Unshared(io::Storage& file) : file_(&file) { file.share_reads(false); }
  Unshared(Unshared&& other) noexcept : file_(std::exchange(other.file_, nullptr)) {}
  ~Unshared() {
    if (file_ != nullptr) file_->share_reads(true);
  }

 private:
  io::Storage* file_;
};

/// A commit's place in the graph: it keeps others from the active layer and from all between top
/// and base (S80), and has a filter stand on the top, in place of whatever stood there. What is
/// above the base looks, read by itself, as if it had lost what the base gained: other processes
/// may not (M56).
class CommitSite {
 public:
  /// For the job of that id. Requires that the chain is drained. Throws Refusal for the name of the
  /// filter, and for readers of what is above the base; then nothing has changed.
  CommitSite(block::Layer& layer, const CommitPlan& plan, const std::string& job);
  CommitSite(const CommitSite&) = delete;
  CommitSite& operator=(const CommitSite&) = delete;
  ~CommitSite();

  /// What stands on the filter of an intermediate commit.
  block::Node& overlay() { return *overlay_; }
  /// Has those who stand on the filter stand on `heir`, which is drained. Once.
  void take_filter_out(block::Node& heir);
  /// Lets others at all nodes again.
  void release();
  /// After success: works on nothing any more, but keeps all except the base for itself.
  void rest();

 private:
  void hold(block::Role role, block::Node& node);
  void let_go();
  void put_filter_in();

  block::Layer& layer_;
  CommitPlan plan_;
  std::vector<Unshared> unshared_;
  block::Holder holder_{block::Holder::Kind::job, "commit"};
  block::Node& filter_;
  block::Node* overlay_;  ///< above the filter; null: devices stand there
  std::vector<block::Node*> held_;
};

/// Marks the bitmaps of the base in use, where that failed before; until then nothing can be copied
/// into it (M64).
io::Task<void> mark_base(block::Layer& layer, block::Node& base);

/// Makes the base of a commit as long as its top. Throws Refusal in the job's words (B85).
io::Task<void> grow_base(block::Layer& layer, block::Node& base, ByteCount length);

}  // namespace engine::job
