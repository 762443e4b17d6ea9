// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <vector>

#include "engine/block/layer.h"
#include "engine/job/commit_site.h"
#include "engine/job/job.h"

namespace engine::job {

/// Commits the active layer into a node below it (S75): copies what is allocated above the base,
/// then keeps copying what the guest writes until it is told to complete; then the devices move to
/// the base and what lay above it goes. The guest writes to the top all the while; a dirty bitmap
/// of the job's own on the top tells what is still to be copied.
class CommitJob final : public Job {
 public:
  /// Requires that the chain is drained and the base writable.
  CommitJob(Surroundings surroundings, JobOptions options, block::Layer& layer,
            const CommitPlan& plan);
  ~CommitJob() override;

  std::string_view type() const override { return "commit"; }
  ByteCount offset() const override { return copied_; }
  ByteCount length() const override { return copied_ + in_flight_ + remaining(); }

 protected:
  io::Task<void> prepare() override;
  io::Task<void> work() override;
  io::Task<void> commit() override;
  io::Task<void> abort() override;
  void wake() override;
  bool drained_while_pending() const override { return true; }

 private:
  bitmap::DirtyBits& todo() { return todo_->bits; }
  ByteCount remaining() const;
  io::Task<void> mark_allocated();
  io::Task<void> copy_until_clean();
  io::Task<void> copy_some();
  io::Task<void> copy(bitmap::Range range);
  io::Task<void> copy_extent(bitmap::Range range, qcow2::ExtentKind kind);
  io::Task<void> follow_guest();
  io::Task<bool> finish_drained();
  io::Task<void> leave(block::Node& heir);
  io::Task<void> inherit_access();
  void forget_todo();

  block::Layer& layer_;
  block::Node& top_;
  block::Node& base_;
  CommitSite site_;
  block::NodeBitmap* todo_;
  std::optional<block::DrainedSection> drained_;
  std::vector<std::byte> buffer_;
  std::string_view operation_ = "read";
  bool failed_ = false;  ///< the last copy
  GuestOffset cursor_;
  ByteCount copied_;
  ByteCount in_flight_;
};

}  // namespace engine::job
