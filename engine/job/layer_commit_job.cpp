// SPDX-License-Identifier: MIT
#include "engine/job/layer_commit_job.h"

#include <algorithm>
#include <span>
#include <utility>

#include "engine/block/chain.h"
#include "engine/block/filename.h"
#include "engine/error.h"

namespace engine::job {

LayerCommitJob::LayerCommitJob(Surroundings surroundings, JobOptions options, block::Layer& layer,
                               const CommitPlan& plan, io::Access base_access)
    : Job(surroundings, std::move(options)),
      layer_(layer),
      plan_(plan),
      top_(*plan.top),
      base_(*plan.base),
      base_access_(base_access),
      site_(layer, plan, id()),
      length_(top_.length()) {}

io::Task<void> LayerCommitJob::prepare() { return grow_base(layer_, base_, length_); }

io::Task<void> LayerCommitJob::work() {
  while (cursor_.value < length_.value && !cancelled()) {
    co_await pause_point();
    if (cancelled()) co_return;
    if (top_.quiesced()) {
      co_await top_.resumed().wait();
      continue;
    }
    if (std::exchange(failed_, false)) {
      co_await mark_base(layer_, base_);
      continue;
    }
    co_await copy_some();
  }
  // Before any header says that the base is enough.
  if (!cancelled()) co_await base_.flush();
}

io::Task<void> LayerCommitJob::copy_some() {
  constexpr std::uint64_t chunk = 512 << 10;
  const ByteCount most{std::min(chunk, length_.value - cursor_.value)};
  qcow2::Extent done{qcow2::ExtentKind::unallocated, {}};
  int code = 0;
  std::string error;
  try {
    done = co_await copy_chunk(most);
  } catch (const IoError& failure) {
    code = failure.code();
    error = failure.what();
  }
  failed_ = code != 0;
  if (failed_) {
    co_await decide(std::string(operation_), code, error);
    co_return;
  }
  cursor_ += done.length;
  if (cursor_.value == length_.value) co_return;
  const bool copied = done.kind != qcow2::ExtentKind::unallocated;
  co_await obey_rate(copied ? done.length : ByteCount{});
}

io::Task<qcow2::Extent> LayerCommitJob::copy_chunk(ByteCount length) {
  // A drain must not find a moment between the read and the write of one chunk.
  const auto ticket = top_.requests().enter({block::RequestKind::flush, {}, {}});
  operation_ = "read";
  const qcow2::Extent extent =
      co_await block::extent_above(layer_.graph(), top_, &base_, cursor_, length);
  if (extent.kind == qcow2::ExtentKind::data) {
    buffer_.resize(std::max<std::size_t>(buffer_.size(), extent.length.value));
    const std::span<std::byte> buffer = std::span(buffer_).first(extent.length.value);
    co_await top_.read(cursor_, buffer);
    operation_ = "write";
    co_await base_.write(cursor_, buffer);
  } else if (extent.kind == qcow2::ExtentKind::zero) {
    operation_ = "write";
    co_await base_.write_zeroes(cursor_, extent.length, io::Unmap::yes);
  }
  co_return extent;
}

io::Task<void> LayerCommitJob::commit() {
  const io::Mutex::Guard guard = co_await layer_.changes().lock();
  {
    block::DrainedSection drained(layer_, top_);
    co_await drained.settle();
    block::Node& overlay = site_.overlay();
    co_await name_base_in_overlay(overlay);
    site_.take_filter_out(base_);
    co_await restore_access(base_, base_access_);
  }
  // A client that wants to dismiss the job finds the nodes kept until then.
  if (options().dismiss == Step::automatic) {
    site_.release();
  } else {
    site_.rest();
  }
  co_await layer_.close_unreferenced();
}

io::Task<void> LayerCommitJob::name_base_in_overlay(block::Node& overlay) {
  const std::string name =
      plan_.backing_file ? *plan_.backing_file : block::shown_filename(layer_.graph(), base_);
  const std::string format(base_.driver().format());
  const io::Access access = overlay.access();
  co_await layer_.set_access(overlay, io::Access::read_write);
  co_await overlay.driver().image()->set_backing_strings(name, format);
  overlay.set_named_backing(name);
  co_await restore_access(overlay, access);
}

io::Task<void> LayerCommitJob::restore_access(block::Node& node, io::Access access) {
  // What cannot be stored now is tried again when the node is closed, and reported then.
  try {
    co_await layer_.set_access(node, access);
  } catch (const Refusal&) {
  }
}

io::Task<void> LayerCommitJob::abort() {
  const io::Mutex::Guard guard = co_await layer_.changes().lock();
  {
    block::DrainedSection drained(layer_, top_);
    co_await drained.settle();
    site_.take_filter_out(top_);
    co_await restore_access(base_, base_access_);
  }
  site_.release();
  co_await layer_.close_unreferenced();
}

io::Task<void> LayerCommitJob::clean_up() {
  const io::Mutex::Guard guard = co_await layer_.changes().lock();
  site_.release();
  co_await layer_.close_unreferenced();
}

}  // namespace engine::job
