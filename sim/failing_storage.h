// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include "engine/io/runtime.h"
#include "engine/io/storage.h"
#include "sim/fault.h"

namespace sim {

/// A layer over an opened file whose operations fail as a table of faults says, and are otherwise
/// passed on. One that fails does nothing to the file, and fails a turn of the runtime later, so
/// that whoever asked for it has waited.
class FailingStorage : public engine::io::Storage {
 public:
  /// `runtime` and `faults` must outlive this; `path` is what the faults call the file.
  FailingStorage(std::unique_ptr<engine::io::Storage> below, std::string path,
                 engine::io::Runtime& runtime, FaultTable& faults);

  engine::ByteCount size() const override { return below_->size(); }
  engine::ByteCount allocated_size() const override { return below_->allocated_size(); }
  engine::ByteCount before_hole(engine::HostOffset start, engine::ByteCount length) const override {
    return below_->before_hole(start, length);
  }
  engine::io::Access access() const override { return below_->access(); }
  engine::io::Task<void> set_access(engine::io::Access access) override;
  void share_reads(bool shared) override { below_->share_reads(shared); }
  void set_locking(engine::io::Locking locking) override { below_->set_locking(locking); }
  engine::io::Task<void> resize(engine::ByteCount size) override;
  engine::io::Task<void> read(engine::HostOffset offset, std::span<std::byte> buffer) override;
  engine::io::Task<void> write(engine::HostOffset offset, std::span<const std::byte> data) override;
  engine::io::Task<void> write_zeroes(engine::HostOffset offset, engine::ByteCount length,
                                      engine::io::Unmap unmap) override;
  engine::io::Task<void> flush() override;

 private:
  /// Counts an operation and throws what it fails with. Both begin when they are awaited, for a
  /// task that is dropped before has done nothing.
  engine::io::Task<void> meet(Operation operation);
  template <class Work>
  engine::io::Task<void> attempt(Operation operation, Work work);

  std::unique_ptr<engine::io::Storage> below_;
  std::string path_;
  engine::io::Runtime& runtime_;
  FaultTable& faults_;
};

/// A host whose files fail as a table of faults says. Opening and making them does not.
class FailingHost : public engine::io::Host {
 public:
  /// All must outlive this and the files that it opens.
  FailingHost(engine::io::Host& below, engine::io::Runtime& runtime, FaultTable& faults)
      : below_(below), runtime_(runtime), faults_(faults) {}

  engine::io::Task<std::unique_ptr<engine::io::Storage>> open(const std::string& path,
                                                              engine::io::Access access,
                                                              engine::io::Locking locking) override;
  engine::io::Task<std::unique_ptr<engine::io::Storage>> create(const std::string& path) override;

 private:
  engine::io::Host& below_;
  engine::io::Runtime& runtime_;
  FaultTable& faults_;
};

}  // namespace sim
