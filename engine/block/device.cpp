// SPDX-License-Identifier: MIT
#include "engine/block/device.h"

#include <optional>
#include <utility>

#include "engine/check.h"

namespace engine::block {

Device::Device(Graph& graph, std::string id, Node& root)
    : graph_(graph),
      holder_{{Holder::Kind::device, std::move(id)}, this},
      root_(&root),
      let_go_(root.requests().runtime()) {
  graph_.add_holder(holder_);
  graph_.link(holder_, Role::root, root);
}

Device::~Device() { graph_.remove_holder(holder_); }

Device& Device::of(const Holder& holder) {
  INVARIANT(holder.kind == Holder::Kind::device);
  return *static_cast<const Handle&>(holder).device;
}

/// A request that waits, for as long as its frame lives.
class Device::Held {
 public:
  explicit Held(std::list<Held*>& all) : all_(all), place_(all.insert(all.end(), this)) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() { all_.erase(place_); }

  std::optional<RequestTracker::Arrival> arrival;

 private:
  std::list<Held*>& all_;
  std::list<Held*>::iterator place_;
};

void Device::let_go() {
  if (root_->quiesced()) return;
  for (Held* each : held_) each->arrival.emplace(root_->requests());
  let_go_.wake_all();
}

io::Task<RequestTracker::Arrival> Device::until_let_go() {
  Held held(held_);
  while (!held.arrival) co_await let_go_.wait();
  co_return std::move(*held.arrival);
}

io::Task<void> Device::read_later(GuestOffset offset, std::span<std::byte> buffer) {
  const auto arrival = co_await until_let_go();
  co_await root_->read(offset, buffer);
}

io::Task<void> Device::write_later(GuestOffset offset, std::span<const std::byte> data) {
  const auto arrival = co_await until_let_go();
  co_await root_->write(offset, data);
}

io::Task<void> Device::write_zeroes(GuestOffset offset, ByteCount length, io::Unmap unmap) {
  std::optional<RequestTracker::Arrival> arrival;
  if (root_->quiesced()) arrival.emplace(co_await until_let_go());
  co_await root_->write_zeroes(offset, length, unmap);
}

io::Task<void> Device::discard(GuestOffset offset, ByteCount length) {
  std::optional<RequestTracker::Arrival> arrival;
  if (root_->quiesced()) arrival.emplace(co_await until_let_go());
  co_await root_->discard(offset, length);
}

io::Task<void> Device::flush() {
  std::optional<RequestTracker::Arrival> arrival;
  if (root_->quiesced()) arrival.emplace(co_await until_let_go());
  co_await root_->flush();
}

}  // namespace engine::block
