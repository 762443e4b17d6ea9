// SPDX-License-Identifier: MIT
#include "engine/block/device.h"

#include <utility>

#include "engine/check.h"

namespace engine::block {

Device::Device(Graph& graph, std::string id, Node& root)
    : graph_(graph), holder_{{Holder::Kind::device, std::move(id)}, this}, root_(&root) {
  graph_.add_holder(holder_);
  graph_.link(holder_, Role::root, root);
}

Device::~Device() { graph_.remove_holder(holder_); }

Device& Device::of(const Holder& holder) {
  INVARIANT(holder.kind == Holder::Kind::device);
  return *static_cast<const Handle&>(holder).device;
}

io::Task<void> Device::until_resumed() {
  // The root may be another one after each wait: jobs and snapshots quiesce to change it.
  while (root_->quiesced()) co_await root_->resumed().wait();
}

io::Task<void> Device::read_later(GuestOffset offset, std::span<std::byte> buffer) {
  co_await until_resumed();
  co_await root_->read(offset, buffer);
}

io::Task<void> Device::write_later(GuestOffset offset, std::span<const std::byte> data) {
  co_await until_resumed();
  co_await root_->write(offset, data);
}

io::Task<void> Device::write_zeroes(GuestOffset offset, ByteCount length, io::Unmap unmap) {
  if (root_->quiesced()) co_await until_resumed();
  co_await root_->write_zeroes(offset, length, unmap);
}

io::Task<void> Device::discard(GuestOffset offset, ByteCount length) {
  if (root_->quiesced()) co_await until_resumed();
  co_await root_->discard(offset, length);
}

io::Task<void> Device::flush() {
  if (root_->quiesced()) co_await until_resumed();
  co_await root_->flush();
}

}  // namespace engine::block
