// SPDX-License-Identifier: MIT
#include "engine/io/checked_storage.h"

#include <algorithm>
#include <utility>

#include "engine/check.h"

namespace engine::io {

class CheckedStorage::InFlight {
 public:
  InFlight(CheckedStorage& storage, const Request& request)
      : storage_(storage), request_(request), next_(storage.first_) {
    if (next_ != nullptr) next_->previous_ = this;
    storage_.first_ = this;
  }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  ~InFlight() {
    (previous_ != nullptr ? previous_->next_ : storage_.first_) = next_;
    if (next_ != nullptr) next_->previous_ = previous_;
  }

  const Request& request() const { return request_; }
  const InFlight* next() const { return next_; }

 private:
  CheckedStorage& storage_;
  Request request_;
  InFlight* next_;
  InFlight* previous_ = nullptr;
};

CheckedStorage::CheckedStorage(std::unique_ptr<Storage> below, ByteCount limit)
    : below_(std::move(below)), limit_(limit) {
  INVARIANT(below_ != nullptr);
}

CheckedStorage::~CheckedStorage() { INVARIANT(first_ == nullptr); }

CheckedStorage::Request CheckedStorage::checked(Kind kind, HostOffset offset,
                                                std::uint64_t length) const {
  INVARIANT(offset.value <= limit_.value);
  INVARIANT(length <= limit_.value - offset.value);
  INVARIANT(kind != Kind::write || access() == Access::read_write);
  const Request request{kind, offset, {offset.value + length}};
  require_no_conflict(request);
  return request;
}

void CheckedStorage::require_no_conflict(const Request& request) const {
  for (const InFlight* other = first_; other != nullptr; other = other->next()) {
    const Request& there = other->request();
    const bool one_is_alone = request.kind == Kind::alone || there.kind == Kind::alone;
    INVARIANT(!one_is_alone);
    const bool one_writes = request.kind == Kind::write || there.kind == Kind::write;
    const bool overlap = std::max(request.start, there.start) < std::min(request.end, there.end);
    const bool write_overlaps_one_in_flight = one_writes && overlap;
    INVARIANT(!write_overlaps_one_in_flight);
  }
}

Task<void> CheckedStorage::passed(Task<void> work, Request request) {
  // Finished before it was started: the storage below needed no coroutine.
  if (work.finished()) return work;
  return watched(std::move(work), request);
}

Task<void> CheckedStorage::watched(Task<void> work, Request request) {
  // Again, because tasks are lazy: others may have started since the call.
  require_no_conflict(request);
  const InFlight in_flight(*this, request);
  co_await work;
}

Task<void> CheckedStorage::set_access(Access access) {
  const Request request = checked(Kind::alone, {}, 0);
  return passed(below_->set_access(access), request);
}

void CheckedStorage::share_reads(bool shared) { below_->share_reads(shared); }

Task<void> CheckedStorage::resize(ByteCount size) {
  INVARIANT(access() == Access::read_write);
  INVARIANT(size <= limit_);
  const Request request = checked(Kind::alone, {}, 0);
  return passed(below_->resize(size), request);
}

Task<void> CheckedStorage::read(HostOffset offset, std::span<std::byte> buffer) {
  const Request request = checked(Kind::read, offset, buffer.size());
  return passed(below_->read(offset, buffer), request);
}

Task<void> CheckedStorage::write(HostOffset offset, std::span<const std::byte> data) {
  const Request request = checked(Kind::write, offset, data.size());
  return passed(below_->write(offset, data), request);
}

Task<void> CheckedStorage::write_zeroes(HostOffset offset, ByteCount length, Unmap unmap) {
  const Request request = checked(Kind::write, offset, length.value);
  return passed(below_->write_zeroes(offset, length, unmap), request);
}

Task<void> CheckedStorage::flush() {
  const Request request = checked(Kind::flush, {}, 0);
  return passed(below_->flush(), request);
}

Task<std::unique_ptr<Storage>> CheckedHost::open(const std::string& path, Access access,
                                                 Locking locking) {
  std::unique_ptr<Storage> file = co_await below_.open(path, access, locking);
  co_return std::make_unique<CheckedStorage>(std::move(file), CheckedStorage::no_limit);
}

Task<std::unique_ptr<Storage>> CheckedHost::create(const std::string& path) {
  std::unique_ptr<Storage> file = co_await below_.create(path);
  co_return std::make_unique<CheckedStorage>(std::move(file), CheckedStorage::no_limit);
}

}  // namespace engine::io
