// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "engine/io/file_lock.h"
#include "engine/io/storage.h"

namespace engine::io {

/// An owned file descriptor.
class FileDescriptor {
 public:
  explicit FileDescriptor(int number) : number_(number) {}
  FileDescriptor(FileDescriptor&& other) noexcept;
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();

  int number() const { return number_; }

 private:
  int number_;
};

/// A regular file or block device. Every operation is done, with plain system calls, before the
/// call returns: the task that comes back is finished and costs no coroutine frame, so operations
/// happen when they are called and not when they are awaited. Only failures come as a coroutine,
/// so that they are thrown where the task is awaited.
class FileStorage final : public Storage {
 public:
  /// Takes over a descriptor opened for `access`, and its locks, if it has any. `path` is how
  /// errors name the file. Throws IoError if the size cannot be told.
  FileStorage(FileDescriptor file, std::string path, Access access, std::optional<Claim> claim);

  ByteCount size() const override { return size_; }
  ByteCount allocated_size() const override;
  ByteCount before_hole(HostOffset start, ByteCount length) const override;
  Access access() const override { return access_; }
  Task<void> set_access(Access access) override;
  void share_reads(bool shared) override;
  void set_locking(Locking locking) override;
  Task<void> resize(ByteCount size) override;
  Task<void> read(HostOffset offset, std::span<std::byte> buffer) override;
  Task<void> write(HostOffset offset, std::span<const std::byte> data) override;
  Task<void> write_zeroes(HostOffset offset, ByteCount length, Unmap unmap) override;
  Task<void> flush() override;

 private:
  /// The `mode`s of fallocate(2) that this file did not turn down so far.
  struct Supported {
    bool punch_hole = true;
    bool zero_range = true;
  };

  void reopen(Access access);
  void lock(const Claim& claim);
  void unlock() noexcept;
  int zero(HostOffset offset, ByteCount length, Unmap unmap);
  int write_zero_bytes(HostOffset offset, ByteCount length);
  int extend_to(HostOffset end);
  void note_written(HostOffset end);

  FileDescriptor file_;
  std::string path_;
  Access access_;
  std::optional<Claim> claim_;  ///< none if it is not locked
  ByteCount size_;
  Supported supported_;
  /// Whether a flush has anything to do; at first it may have what an earlier process left.
  bool changed_ = true;
};

}  // namespace engine::io
