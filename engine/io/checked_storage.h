// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "engine/io/storage.h"

namespace engine::io {

/// The contract of Storage, checked at the border, so that neither the engine above nor the storage
/// below repeats it. Whoever breaks it has a bug, and an INVARIANT fails:
/// - a write (or zeroing) overlaps nothing that is in flight, a read overlaps no write in flight;
/// - a read-only opening is not written, zeroed or resized;
/// - ranges do not overflow and end at or below the limit;
/// - set_access and resize run alone: nothing is in flight when they start, and nothing starts
///   before they have finished;
/// - destruction finds nothing in flight.
/// What the storage below finishes at once stays finished at once: no coroutine frame is added.
class CheckedStorage final : public Storage {
 public:
  /// `limit` is the largest size that the file may ever have.
  CheckedStorage(std::unique_ptr<Storage> below, ByteCount limit);
  ~CheckedStorage() override;

  ByteCount size() const override { return below_->size(); }
  ByteCount allocated_size() const override { return below_->allocated_size(); }
  ByteCount before_hole(HostOffset start, ByteCount length) const override {
    return below_->before_hole(start, length);
  }
  Access access() const override { return below_->access(); }
  Task<void> set_access(Access access) override;
  void share_reads(bool shared) override;
  void set_locking(Locking locking) override { below_->set_locking(locking); }
  Task<void> resize(ByteCount size) override;
  Task<void> read(HostOffset offset, std::span<std::byte> buffer) override;
  Task<void> write(HostOffset offset, std::span<const std::byte> data) override;
  Task<void> write_zeroes(HostOffset offset, ByteCount length, Unmap unmap) override;
  Task<void> flush() override;

  /// A limit above all that QEMU's file driver can address.
  static constexpr ByteCount no_limit{std::uint64_t{1} << 63};

 private:
  enum class Kind { read, write, flush, alone };
  struct Request {
    Kind kind;
    HostOffset start;
    HostOffset end;
  };
  /// A request's place in the list of those in flight, kept in its coroutine's frame.
  class InFlight;

  Request checked(Kind kind, HostOffset offset, std::uint64_t length) const;
  void require_no_conflict(const Request& request) const;
  Task<void> watched(Task<void> work, Request request);
  Task<void> passed(Task<void> work, Request request);

  std::unique_ptr<Storage> below_;
  ByteCount limit_;
  InFlight* first_ = nullptr;
};

/// Gives every storage that a host opens a CheckedStorage on top.
class CheckedHost final : public Host {
 public:
  /// `below` is not owned.
  explicit CheckedHost(Host& below) : below_(below) {}

  Task<std::unique_ptr<Storage>> open(const std::string& path, Access access,
                                      Locking locking) override;
  Task<std::unique_ptr<Storage>> create(const std::string& path) override;

 private:
  Host& below_;
};

}  // namespace engine::io
