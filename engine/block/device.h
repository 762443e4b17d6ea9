// SPDX-License-Identifier: MIT
#pragma once

#include <list>
#include <span>
#include <string>

#include "engine/block/graph.h"
#include "engine/block/node.h"
#include "engine/block/request_tracker.h"
#include "engine/io/sync.h"

namespace engine::block {

/// A guest's disk (QEMU's BlockBackend): an id on top of a chain of nodes. The way in for guest
/// requests: they go to whatever node is on top when they start, and wait while it is quiesced.
class Device {
 public:
  /// An empty id makes a device that queries do not list, for requests to a node by its name.
  Device(Graph& graph, std::string id, Node& root);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device();

  const std::string& id() const { return holder_.name; }
  Node& root() const { return *root_; }
  /// The device that is that holder.
  static Device& of(const Holder& holder);
  /// Follows a change of the graph: the edge is moved already.
  void set_root(Node& root) { root_ = &root; }
  /// Lets the requests go that wait, if the root is not quiesced any more. From then on they count
  /// as unfinished, so a drain that begins before they run waits for them.
  void let_go();
  /// How many wait.
  std::size_t held() const { return held_.size(); }

  /// Node's contracts. The buffers must live until the task has finished, and so must the device.
  io::Task<void> read(GuestOffset offset, std::span<std::byte> buffer) {
    if (root_->quiesced()) [[unlikely]]
      return read_later(offset, buffer);
    return root_->read(offset, buffer);
  }
  io::Task<void> write(GuestOffset offset, std::span<const std::byte> data) {
    if (root_->quiesced()) [[unlikely]]
      return write_later(offset, data);
    return root_->write(offset, data);
  }
  io::Task<void> write_zeroes(GuestOffset offset, ByteCount length, io::Unmap unmap);
  io::Task<void> discard(GuestOffset offset, ByteCount length);
  io::Task<void> flush();

 private:
  class Held;
  io::Task<RequestTracker::Arrival> until_let_go();
  io::Task<void> read_later(GuestOffset offset, std::span<std::byte> buffer);
  io::Task<void> write_later(GuestOffset offset, std::span<const std::byte> data);

  /// A holder that knows whose it is.
  struct Handle : Holder {
    Device* device;
  };

  Graph& graph_;
  Handle holder_;
  Node* root_;
  std::list<Held*> held_;
  io::WaitQueue let_go_;
};

}  // namespace engine::block
