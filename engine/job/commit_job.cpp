// SPDX-License-Identifier: MIT
#include "engine/job/commit_job.h"

#include <algorithm>
#include <span>
#include <utility>

#include "engine/block/bitmap_commands.h"
#include "engine/block/chain.h"
#include "engine/error.h"

namespace engine::job {
namespace {

constexpr ByteCount chunk{1 << 20};

}  // namespace

CommitJob::CommitJob(Surroundings surroundings, JobOptions options, block::Layer& layer,
                     const CommitPlan& plan)
    : Job(surroundings, std::move(options)),
      layer_(layer),
      top_(*plan.top),
      base_(*plan.base),
      site_(layer, plan, id()) {
  const bitmap::Granularity granularity = block::default_granularity(base_);
  todo_ = &top_.add_bitmap({.name = {}, .bits = bitmap::DirtyBits(top_.length(), granularity)});
}

CommitJob::~CommitJob() { forget_todo(); }

void CommitJob::forget_todo() {
  if (todo_ != nullptr) top_.remove_bitmap(*std::exchange(todo_, nullptr));
}

ByteCount CommitJob::remaining() const {
  if (todo_ == nullptr) return {};
  const bitmap::DirtyBits& bits = todo_->bits;
  ByteCount dirty = bits.dirty_bytes();
  const ByteCount size = bits.disk_size();
  const ByteCount in_whole_granules{bits.granules() * bits.granularity().bytes()};
  if (in_whole_granules == size) return dirty;
  const bool tail_dirty = bits.test(GuestOffset{size.value - 1});
  if (tail_dirty) dirty -= in_whole_granules - size;
  return dirty;
}

io::Task<void> CommitJob::prepare() {
  co_await grow_base(layer_, base_, top_.length());
  co_await mark_allocated();
}

io::Task<void> CommitJob::work() {
  co_await copy_until_clean();
  if (cancelled()) co_return;
  co_await base_.flush();
  become_ready();
  co_await follow_guest();
}

io::Task<void> CommitJob::mark_allocated() {
  GuestOffset at;
  const GuestOffset end{top_.length().value};
  while (at < end && !cancelled()) {
    const qcow2::Extent extent =
        co_await block::extent_above(layer_.graph(), top_, &base_, at, end - at);
    if (extent.kind != qcow2::ExtentKind::unallocated) todo().set(at, extent.length);
    at += extent.length;
  }
}

io::Task<void> CommitJob::copy_until_clean() {
  while (!cancelled()) {
    co_await pause_point();
    if (cancelled() || todo().count() == 0) co_return;
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
}

io::Task<void> CommitJob::copy_some() {
  const GuestOffset end{top_.length().value};
  std::optional<bitmap::Range> range = todo().next_dirty_range(cursor_, end, chunk);
  if (!range) range = todo().next_dirty_range(GuestOffset{}, end, chunk);
  todo().reset(range->start, range->length);
  cursor_ = range->end();
  in_flight_ = range->length;
  int code = 0;
  std::string error;
  try {
    co_await copy(*range);
  } catch (const IoError& failure) {
    code = failure.code();
    error = failure.what();
  }
  in_flight_ = {};
  failed_ = code != 0;
  if (failed_) {
    todo().set(range->start, range->length);
    co_await decide(std::string(operation_), code, error);
    co_return;
  }
  copied_ += range->length;
  co_await obey_rate(range->length);
}

io::Task<void> CommitJob::copy(bitmap::Range range) {
  // A drain must not find a moment between the read and the write of one chunk.
  const auto ticket = top_.requests().enter({block::RequestKind::flush, {}, {}});
  bitmap::Range left = range;
  while (left.length.value != 0) {
    operation_ = "read";
    const qcow2::Extent extent =
        co_await block::extent_above(layer_.graph(), top_, &base_, left.start, left.length);
    const bitmap::Range piece{left.start, extent.length};
    co_await copy_extent(piece, extent.kind);
    left = {piece.end(), left.length - extent.length};
  }
  // Only what is allocated is written, lest a guest that reads the rest through the top meets a
  // write in flight; but the bits are those of whole granules, as QEMU's mirror has them (S77).
  base_.mark_dirty(range.start, range.length);
}

io::Task<void> CommitJob::copy_extent(bitmap::Range range, qcow2::ExtentKind kind) {
  if (kind == qcow2::ExtentKind::unallocated) co_return;
  if (kind == qcow2::ExtentKind::zero) {
    operation_ = "write";
    co_await base_.write_zeroes(range.start, range.length, io::Unmap::yes);
    co_return;
  }
  buffer_.resize(std::max<std::size_t>(buffer_.size(), range.length.value));
  const std::span<std::byte> buffer = std::span(buffer_).first(range.length.value);
  co_await top_.read(range.start, buffer);
  operation_ = "write";
  co_await base_.write(range.start, buffer);
}

io::Task<void> CommitJob::follow_guest() {
  for (;;) {
    co_await copy_until_clean();
    if (cancelled()) co_return;
    if (asked_to_complete()) {
      const bool finished = co_await finish_drained();
      if (finished) co_return;
      continue;
    }
    const Waiting waiting(*this);
    co_await top_.written().wait();
  }
}

io::Task<bool> CommitJob::finish_drained() {
  {
    const io::Mutex::Guard guard = co_await layer_.changes().lock();
    drained_.emplace(layer_, top_);
    co_await drained_->settle();
    // Else nobody could write the base when it is in the top's place (M64).
    if (base_.has_readonly_bitmap()) co_await layer_.set_access(base_, io::Access::read_write);
  }
  if (todo().count() != 0) {
    drained_.reset();
    co_return false;
  }
  co_await base_.flush();
  co_return true;
}

void CommitJob::wake() {
  Job::wake();
  // Once it has left, nobody follows the top any more, which may be closed.
  if (todo_ != nullptr) top_.written().wake_all();
}

io::Task<void> CommitJob::commit() { return leave(ends_without_effect() ? top_ : base_); }

// The base stays writable, as QEMU leaves it (L7).
io::Task<void> CommitJob::abort() { return leave(top_); }

/// A base in the place of a top is as writable as the top was (S75).
io::Task<void> CommitJob::inherit_access() {
  if (top_.access() == io::Access::read_write) co_return;
  // What cannot be stored now is tried again when the node is closed, and reported then.
  try {
    co_await layer_.set_access(base_, io::Access::read_only);
  } catch (const Refusal&) {
  }
}

io::Task<void> CommitJob::leave(block::Node& heir) {
  const io::Mutex::Guard guard = co_await layer_.changes().lock();
  if (!drained_) {
    drained_.emplace(layer_, top_);
    co_await drained_->settle();
  }
  site_.take_filter_out(heir);
  forget_todo();
  if (&heir == &base_) co_await inherit_access();
  drained_.reset();
  site_.release();
  co_await layer_.close_unreferenced();
}

}  // namespace engine::job
