// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <vector>

#include "engine/block/layer.h"
#include "engine/job/commit_site.h"
#include "engine/job/job.h"

namespace engine::job {

/// Commits a layer below the active one into a node below it (S76): copies what is allocated above
/// the base, once; then the overlay stands on the base, and what lay between goes. Nobody writes
/// there meanwhile, and readers see the same before and after.
class LayerCommitJob final : public Job {
 public:
  /// Requires that the chain is drained and the base writable. `base_access` is what the base had
  /// and gets back.
  LayerCommitJob(Surroundings surroundings, JobOptions options, block::Layer& layer,
                 const CommitPlan& plan, io::Access base_access);

  std::string_view type() const override { return "commit"; }
  ByteCount offset() const override { return {cursor_.value}; }
  ByteCount length() const override { return length_; }

 protected:
  io::Task<void> prepare() override;
  io::Task<void> work() override;
  io::Task<void> commit() override;
  io::Task<void> abort() override;
  io::Task<void> clean_up() override;
  bool ends_by_itself() const override { return true; }

 private:
  io::Task<void> copy_some();
  io::Task<qcow2::Extent> copy_chunk(ByteCount length);
  io::Task<void> name_base_in_overlay(block::Node& overlay);
  io::Task<void> restore_access(block::Node& node, io::Access access);

  block::Layer& layer_;
  CommitPlan plan_;
  block::Node& top_;
  block::Node& base_;
  io::Access base_access_;
  CommitSite site_;
  std::vector<std::byte> buffer_;
  std::string_view operation_ = "read";
  bool failed_ = false;  ///< the last copy
  GuestOffset cursor_;
  ByteCount length_;
};

}  // namespace engine::job
