// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include "engine/io/storage.h"
#include "sim/disk.h"

namespace sim {

/// One opening of a simulated file. Takes effect at the end of an operation's time, so a process
/// that is killed meanwhile has not done it. What the disk's watcher does not let take effect never
/// finishes.
class DiskStorage : public engine::io::Storage {
 public:
  /// The disk, world and latency must outlive it. Locks the file unless `locking` is off. Throws
  /// Refusal if somebody else's opening forbids it.
  DiskStorage(const Disk& disk, World& world, const Latency& latency,
              std::shared_ptr<DiskFile> file, std::string path, engine::io::Access access,
              engine::io::Locking locking);
  ~DiskStorage() override;

  engine::ByteCount size() const override { return {file_->bytes().size()}; }
  engine::ByteCount before_hole(engine::HostOffset start, engine::ByteCount length) const override {
    return {file_->bytes().before_hole(start.value, length.value)};
  }
  engine::io::Access access() const override { return access_; }
  engine::io::Task<void> set_access(engine::io::Access access) override;
  void share_reads(bool shared) override;
  void set_locking(engine::io::Locking locking) override;
  engine::io::Task<void> resize(engine::ByteCount size) override;
  engine::io::Task<void> read(engine::HostOffset offset, std::span<std::byte> buffer) override;
  engine::io::Task<void> write(engine::HostOffset offset, std::span<const std::byte> data) override;
  engine::io::Task<void> write_zeroes(engine::HostOffset offset, engine::ByteCount length,
                                      engine::io::Unmap unmap) override;
  engine::io::Task<void> flush() override;

 private:
  engine::io::Task<void> read_later(engine::HostOffset offset, std::span<std::byte> buffer);
  engine::io::Task<void> write_later(engine::HostOffset offset, std::span<const std::byte> data);
  engine::io::Task<void> zero_later(engine::HostOffset offset, engine::ByteCount length);
  engine::io::Task<void> flush_later();
  engine::io::Nanoseconds duration(std::uint64_t bytes);
  /// Whether an operation takes effect; nobody watches most disks.
  bool goes_on(DiskOperation::Kind kind, std::uint64_t offset, std::uint64_t length) const {
    return disk_.watcher() == nullptr || disk_.watcher()->about_to({kind, path_, offset, length});
  }

  /// How many openings there are of the kind that this one would be.
  unsigned& users(engine::io::Access access) const;
  void lock(engine::io::Access access);
  void unlock();

  const Disk& disk_;
  World& world_;
  const Latency& latency_;  ///< the disk's
  std::shared_ptr<DiskFile> file_;
  std::string path_;
  engine::io::Access access_;
  engine::io::Locking locking_;
  bool shares_reads_ = true;
};

}  // namespace sim
