// SPDX-License-Identifier: MIT
#include "engine/block/node.h"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

#include "engine/block/image_bitmaps.h"
#include "engine/block/started.h"
#include "engine/error.h"

namespace engine::block {

/// A node as its overlay's image sees it: zeros beyond its end.
class Node::BackingView final : public qcow2::Backing {
 public:
  explicit BackingView(Node& node) : node_(node) {}

  ByteCount length() const override { return node_.length(); }
  io::Task<void> read(GuestOffset offset, std::span<std::byte> buffer) override {
    const std::uint64_t length = node_.length().value;
    const std::uint64_t below_end = offset.value < length ? length - offset.value : 0;
    if (buffer.size() > below_end) {
      std::ranges::fill(buffer.subspan(below_end), std::byte{0});
      buffer = buffer.first(below_end);
    }
    return buffer.empty() ? io::Task<void>::ready() : node_.read(offset, buffer);
  }

 private:
  Node& node_;
};

/// Marks the bits of a write when it goes out of scope, however the write ended (S23). Marking
/// after the write, and not before, is what a copying job relies on: it clears a bit and then
/// reads.
class Node::Completion {
 public:
  Completion(Node& node, const Request& request) : node_(&node), request_(request) {}
  Completion(const Completion&) = delete;
  Completion& operator=(const Completion&) = delete;
  ~Completion() {
    if (node_ != nullptr) node_->mark_dirty(request_.start, request_.length);
  }
  void hand_over() { node_ = nullptr; }

 private:
  Node* node_;
  Request request_;
};

Node::Node(io::Runtime& runtime, std::string name, std::string filename,
           std::unique_ptr<Driver> driver, io::Access access, DiscardMode discard_mode)
    : name_(std::move(name)),
      filename_(std::move(filename)),
      driver_(std::move(driver)),
      access_(access),
      discard_mode_(discard_mode),
      requests_(runtime),
      written_(runtime),
      resumed_(runtime) {
  if (qcow2::Image* image = driver_->image()) {
    image_bitmaps_ = std::make_unique<ImageBitmaps>(*this, *image);
  }
}

Node::~Node() = default;

void Node::require_range(GuestOffset offset, ByteCount length) const {
  const std::uint64_t size = this->length().value;
  if (offset.value > size || length.value > size - offset.value) throw IoError(EIO);
}

bool Node::refuses_guests() const {
  const Node* filtered = driver_->filtered();
  return read_only() || (filtered != nullptr && filtered->refuses_guests());
}

void Node::require_write(GuestOffset offset, ByteCount length) const {
  require_range(offset, length);
  if (read_only() || has_readonly_bitmap()) throw IoError(EPERM);
}

bool Node::has_readonly_bitmap() const {
  return std::ranges::any_of(bitmaps_, [](const auto& bitmap) { return bitmap->readonly; });
}

io::Task<void> Node::read(GuestOffset offset, std::span<std::byte> buffer) {
  const Request request{RequestKind::read, offset, {buffer.size()}};
  require_range(offset, request.length);
  if (requests_.conflicts(request)) return read_later(offset, buffer);
  return finish_read(request, driver_->read(offset, buffer));
}

io::Task<void> Node::read_later(GuestOffset offset, std::span<std::byte> buffer) {
  const Request request{RequestKind::read, offset, {buffer.size()}};
  co_await requests_.until_free(request);
  co_await read(offset, buffer);
}

io::Task<void> Node::flush() {
  const Request request{RequestKind::flush, {}, {}};
  return finish_read(request, driver_->flush());
}

io::Task<void> Node::finish_read(const Request& request, io::Task<void> work) {
  if (!work.start()) return follow(requests_.enter(request), std::move(work));
  work.take();
  return io::Task<void>::ready();
}

io::Task<void> Node::follow(std::unique_ptr<RequestTracker::Ticket> ticket, io::Task<void> work) {
  const auto kept_till_the_end = std::move(ticket);
  co_await Started(work);
}

io::Task<void> Node::write(GuestOffset offset, std::span<const std::byte> data) {
  const Request request{RequestKind::write, offset, {data.size()}};
  require_write(offset, request.length);
  if (requests_.conflicts(request)) return write_later(offset, data);
  Completion completion(*this, request);
  return finish_write(request, completion, driver_->write(offset, data));
}

io::Task<void> Node::write_later(GuestOffset offset, std::span<const std::byte> data) {
  const Request request{RequestKind::write, offset, {data.size()}};
  co_await requests_.until_free(request);
  co_await write(offset, data);
}

io::Task<void> Node::write_zeroes(GuestOffset offset, ByteCount length, io::Unmap unmap) {
  const Request request{RequestKind::write, offset, length};
  require_write(offset, length);
  if (requests_.conflicts(request)) return write_zeroes_later(offset, length, unmap);
  if (discard_mode_ == DiscardMode::ignore) unmap = io::Unmap::no;
  Completion completion(*this, request);
  return finish_write(request, completion, driver_->write_zeroes(offset, length, unmap));
}

io::Task<void> Node::write_zeroes_later(GuestOffset offset, ByteCount length, io::Unmap unmap) {
  const Request request{RequestKind::write, offset, length};
  co_await requests_.until_free(request);
  co_await write_zeroes(offset, length, unmap);
}

io::Task<void> Node::discard(GuestOffset offset, ByteCount length) {
  const Request request{RequestKind::write, offset, length};
  require_write(offset, length);
  if (discard_mode_ == DiscardMode::ignore) return io::Task<void>::ready();
  if (requests_.conflicts(request)) return discard_later(offset, length);
  Completion completion(*this, request);
  return finish_write(request, completion, driver_->discard(offset, length));
}

io::Task<void> Node::discard_later(GuestOffset offset, ByteCount length) {
  const Request request{RequestKind::write, offset, length};
  co_await requests_.until_free(request);
  co_await discard(offset, length);
}

io::Task<void> Node::finish_write(const Request& request, Completion& completion,
                                  io::Task<void> work) {
  if (!work.start()) {
    completion.hand_over();
    return follow_write(requests_.enter(request), request, std::move(work));
  }
  work.take();
  return io::Task<void>::ready();
}

io::Task<void> Node::follow_write(std::unique_ptr<RequestTracker::Ticket> ticket, Request request,
                                  io::Task<void> work) {
  const auto kept_till_the_end = std::move(ticket);
  const Completion completion(*this, request);
  co_await Started(work);
}

void Node::mark_dirty(GuestOffset offset, ByteCount length) {
  for (const auto& bitmap : bitmaps_) {
    if (bitmap->records()) bitmap->bits.set(offset, length);
  }
  if (!written_.empty()) written_.wake_all();
}

io::Task<void> Node::resize(ByteCount size) {
  co_await driver_->resize(size);
  fit_bitmaps();
}

void Node::fit_bitmaps() {
  for (const auto& bitmap : bitmaps_) bitmap->bits.resize(length());
}

void Node::set_backing(Node& backing) {
  backing_view_ = std::make_unique<BackingView>(backing);
  driver_->image()->set_backing(backing_view_.get());
}

NodeBitmap& Node::add_bitmap(NodeBitmap bitmap) {
  auto place = bitmaps_.insert(bitmaps_.begin(), std::make_unique<NodeBitmap>(std::move(bitmap)));
  return **place;
}

void Node::remove_bitmap(const NodeBitmap& bitmap) {
  std::erase_if(bitmaps_, [&](const auto& other) { return other.get() == &bitmap; });
}

NodeBitmap* Node::find_bitmap(const std::string& name) const {
  const auto found = std::ranges::find_if(
      bitmaps_, [&](const auto& bitmap) { return !name.empty() && bitmap->name == name; });
  return found != bitmaps_.end() ? found->get() : nullptr;
}

/// On failure the node is as it was: its bitmaps are marked in use again, or else cannot change.
io::Task<void> Node::become_read_only(io::Storage* storage) {
  std::exception_ptr error;
  try {
    if (image_bitmaps_) co_await image_bitmaps_->store();
    co_await driver_->prepare_read_only();
    if (storage != nullptr) co_await storage->set_access(io::Access::read_only);
  } catch (...) {
    error = std::current_exception();
  }
  if (error == nullptr) co_return;
  try {
    if (image_bitmaps_) co_await image_bitmaps_->take_into_use();
  } catch (const Refusal&) {
    image_bitmaps_->freeze();
  }
  std::rethrow_exception(error);
}

/// What cannot be marked now stays read-only, and is tried again when the node is next asked to be
/// writable.
io::Task<void> Node::take_bitmaps_into_use() {
  try {
    co_await image_bitmaps_->take_into_use();
  } catch (const IoError&) {
  }
}

io::Task<void> Node::set_access(io::Access access, Node* file, io::Storage& storage) {
  if (access == access_) {
    const bool marks_again = image_bitmaps_ && !read_only() && has_readonly_bitmap();
    if (marks_again) co_await take_bitmaps_into_use();
    co_return;
  }
  const bool file_follows = file != nullptr && storage.access() != access;
  if (access == io::Access::read_only) {
    co_await become_read_only(file_follows ? &storage : nullptr);
  } else {
    // The file first: marking bitmaps IN_USE and clearing autoclear bits are writes.
    if (file_follows) co_await storage.set_access(access);
    co_await driver_->prepare_read_write();
  }
  access_ = access;
  if (file_follows) file->access_ = access;
  if (!image_bitmaps_) co_return;
  if (access == io::Access::read_only) {
    image_bitmaps_->freeze();
  } else {
    co_await take_bitmaps_into_use();
  }
}

std::optional<ByteCount> cluster_size(const Node& node) {
  if (const Node* below = node.driver().filtered()) return cluster_size(*below);
  const qcow2::Image* image = node.driver().image();
  return image != nullptr ? std::optional(image->cluster_size()) : std::nullopt;
}

void Node::unquiesce() {
  if (--quiesced_ == 0) resumed_.wake_all();
}

}  // namespace engine::block
