// SPDX-License-Identifier: MIT
#include "engine/job/commit_site.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "engine/block/resize.h"
#include "engine/error.h"

namespace engine::job {

namespace {

/// A device reads what its root shows, and a layer in the middle will show less than it did (M56).
void require_no_device(const block::Layer& layer, const block::Node& node, const std::string& job) {
  const block::Holder* device = layer.graph().holder(node, block::Holder::Kind::device);
  if (device == nullptr) return;
  const std::string uses = "(uses node '" + node.name() + "' as ";
  throw Refusal("Permission conflict on node '" + node.name() +
                "': permissions 'consistent read' are both required by block device '" +
                device->name + "' " + uses + "'root' child) and unshared by commit job '" + job +
                "' " + uses + "'intermediate node' child).");
}

/// Keeps readers out of all between base and top, and of the top, too, if no device is there.
std::vector<Unshared> unshare(const block::Layer& layer, const CommitPlan& plan,
                              const std::string& job) {
  if (plan.filter_name) layer.check_new_node_name(*plan.filter_name);
  std::vector<Unshared> files;
  for (block::Node* node : layer.graph().chain(*plan.top)) {
    if (node == plan.base) break;
    if (node != plan.top) require_no_device(layer, *node, job);
    if (node == plan.top && plan.is_active()) continue;
    files.emplace_back(layer.graph().storage(*node));
  }
  return files;
}

}  // namespace

CommitSite::CommitSite(block::Layer& layer, const CommitPlan& plan, const std::string& job)
    : layer_(layer),
      plan_(plan),
      unshared_(unshare(layer, plan, job)),
      filter_(
          plan.is_active()
              ? layer.add_filter("mirror_top", plan.filter_name, io::Access::read_write, *plan.top)
              : layer.add_filter("commit_top", plan.filter_name, io::Access::read_only, *plan.top)),
      overlay_(layer.graph().overlay(*plan.top)) {
  layer_.graph().add_holder(holder_);
  hold(block::Role::job, plan.is_active() ? filter_ : *plan.active);
  for (block::Node* node : layer_.graph().chain(*plan.top)) {
    hold(block::Role::job, *node);
    if (node == plan.base) break;
  }
  hold(block::Role::job_io, *plan.base);
  if (!plan.is_active()) hold(block::Role::job_io, *plan.top);
  put_filter_in();
}

CommitSite::~CommitSite() {
  release();
  layer_.graph().remove_holder(holder_);
}

void CommitSite::hold(block::Role role, block::Node& node) {
  layer_.graph().link(holder_, role, node);
  held_.push_back(&node);
}

void CommitSite::put_filter_in() {
  if (overlay_ != nullptr) {
    layer_.set_backing(*overlay_, filter_);
  } else {
    layer_.move_devices(*plan_.top, filter_);
  }
}

void CommitSite::take_filter_out(block::Node& heir) {
  if (overlay_ != nullptr) return layer_.set_backing(*overlay_, heir);
  layer_.move_devices(filter_, heir);
  // Requests to the top by its own name come from nameless devices.
  if (&heir != plan_.top) layer_.move_devices(*plan_.top, heir);
}

void CommitSite::release() {
  unshared_.clear();
  let_go();
}

void CommitSite::let_go() {
  // An edge for each time that a node was held; unlinking takes all of a node's at once.
  for (block::Node* node : std::exchange(held_, {})) layer_.graph().unlink(holder_, *node);
}

void CommitSite::rest() {
  const std::vector<block::Node*> held = held_;
  let_go();
  for (block::Node* node : held) {
    const bool again = std::ranges::find(held_, node) != held_.end();
    if (node != plan_.base && !again) hold(block::Role::job, *node);
  }
}

io::Task<void> mark_base(block::Layer& layer, block::Node& base) {
  if (!base.has_readonly_bitmap()) co_return;
  const io::Mutex::Guard guard = co_await layer.changes().lock();
  block::DrainedSection drained(layer, base);
  co_await drained.settle();
  co_await layer.set_access(base, io::Access::read_write);
}

io::Task<void> grow_base(block::Layer& layer, block::Node& base, ByteCount length) {
  if (base.length() >= length) co_return;
  const io::Mutex::Guard guard = co_await layer.changes().lock();
  block::DrainedSection drained(layer, base);
  co_await drained.settle();
  const bool inconsistent =
      std::ranges::any_of(base.bitmaps(), [](const auto& bitmap) { return bitmap->inconsistent; });
  // The job's words, not the resize's.
  if (inconsistent) throw IoError(ENOTSUP);
  try {
    co_await block::resize_drained(layer, base, length);
  } catch (const IoError& error) {
    throw IoError(error.code());
  }
}

}  // namespace engine::job
