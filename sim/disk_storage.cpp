// SPDX-License-Identifier: MIT
#include "sim/disk_storage.h"

#include "engine/error.h"
#include "sim/world.h"

namespace sim {

using engine::ByteCount;
using engine::HostOffset;
using engine::io::Access;
using engine::io::Locking;
using engine::io::Nanoseconds;
using engine::io::Task;

namespace {

using Kind = DiskOperation::Kind;

/// The machine is gone: who waits for this waits until he is gone, too.
Task<void> never() { co_await std::suspend_always(); }

}  // namespace

DiskStorage::DiskStorage(const Disk& disk, World& world, const Latency& latency,
                         std::shared_ptr<DiskFile> file, std::string path, Access access,
                         Locking locking)
    : disk_(disk),
      world_(world),
      latency_(latency),
      file_(std::move(file)),
      path_(std::move(path)),
      access_(access),
      locking_(locking) {
  lock(access);
}

DiskStorage::~DiskStorage() {
  if (!shares_reads_) --file_->unshared;
  unlock();
}

unsigned& DiskStorage::users(Access access) const {
  if (locking_ == Locking::shared) return file_->onlookers;
  return access == Access::read_write ? file_->writers : file_->readers;
}

void DiskStorage::lock(Access access) {
  if (locking_ == Locking::off) return;
  const bool writing = access == Access::read_write;
  const bool conflict = file_->writers > 0 || (writing && file_->readers > 0);
  if (locking_ == Locking::on && conflict) {
    throw engine::LockConflict(writing ? "\"write\"" : "shared \"write\"", path_);
  }
  ++users(access);
}

void DiskStorage::unlock() {
  if (locking_ != Locking::off) --users(access_);
}

Task<void> DiskStorage::set_access(Access access) {
  unlock();
  try {
    lock(access);
  } catch (const engine::LockConflict&) {
    ++users(access_);
    throw;
  }
  access_ = access;
  co_return;
}

void DiskStorage::share_reads(bool shared) {
  if (locking_ == Locking::off || shared == shares_reads_) return;
  const bool alone = file_->readers + file_->writers + file_->onlookers == 1;
  if (!shared && !alone) throw engine::LockConflict("shared \"consistent read\"", path_);
  shares_reads_ = shared;
  file_->unshared += shared ? -1U : 1U;
}

void DiskStorage::set_locking(Locking locking) {
  if (locking != Locking::off && file_->unshared > 0)
    throw engine::LockConflict("\"consistent read\"", path_);
  const Locking before = locking_;
  unlock();
  try {
    locking_ = locking;
    lock(access_);
  } catch (const engine::LockConflict&) {
    locking_ = before;
    if (locking_ != Locking::off) ++users(access_);
    throw;
  }
}

Nanoseconds DiskStorage::duration(std::uint64_t bytes) {
  const std::uint64_t extra = world_.choice().pick(latency_.spread + 1);
  return latency_.operation * (1 + static_cast<std::int64_t>(extra)) +
         latency_.per_kib * static_cast<std::int64_t>(bytes / 1024);
}

Task<void> DiskStorage::resize(ByteCount size) {
  if (!goes_on(Kind::resize, size.value, 0)) return never();
  file_->resize(size.value);
  return Task<void>::ready();
}

Task<void> DiskStorage::read(HostOffset offset, std::span<std::byte> buffer) {
  if (!latency_.instant()) return read_later(offset, buffer);
  if (!goes_on(Kind::read, offset.value, buffer.size())) return never();
  file_->bytes().read(offset.value, buffer);
  return Task<void>::ready();
}

Task<void> DiskStorage::write(HostOffset offset, std::span<const std::byte> data) {
  if (!latency_.instant()) return write_later(offset, data);
  if (!goes_on(Kind::write, offset.value, data.size())) return never();
  file_->write(offset.value, data);
  return Task<void>::ready();
}

Task<void> DiskStorage::write_zeroes(HostOffset offset, ByteCount length, engine::io::Unmap) {
  if (!latency_.instant()) return zero_later(offset, length);
  if (!goes_on(Kind::zero, offset.value, length.value)) return never();
  file_->write_zeroes(offset.value, length.value);
  return Task<void>::ready();
}

Task<void> DiskStorage::flush() {
  if (!latency_.instant()) return flush_later();
  if (!goes_on(Kind::flush, 0, 0)) return never();
  file_->make_durable(file_->mark());
  return Task<void>::ready();
}

Task<void> DiskStorage::read_later(HostOffset offset, std::span<std::byte> buffer) {
  engine::io::sleep pause(world_, duration(buffer.size()));
  co_await pause;
  if (!goes_on(Kind::read, offset.value, buffer.size())) co_await std::suspend_always();
  file_->bytes().read(offset.value, buffer);
}

Task<void> DiskStorage::write_later(HostOffset offset, std::span<const std::byte> data) {
  engine::io::sleep pause(world_, duration(data.size()));
  co_await pause;
  if (!goes_on(Kind::write, offset.value, data.size())) co_await std::suspend_always();
  file_->write(offset.value, data);
}

Task<void> DiskStorage::zero_later(HostOffset offset, ByteCount length) {
  engine::io::sleep pause(world_, duration(0));
  co_await pause;
  if (!goes_on(Kind::zero, offset.value, length.value)) co_await std::suspend_always();
  file_->write_zeroes(offset.value, length.value);
}

Task<void> DiskStorage::flush_later() {
  const std::uint64_t mark = file_->mark();
  engine::io::sleep pause(world_, duration(0));
  co_await pause;
  if (!goes_on(Kind::flush, 0, 0)) co_await std::suspend_always();
  file_->make_durable(mark);
}

}  // namespace sim
