// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "engine/io/task.h"
#include "engine/io/units.h"

namespace engine::io {

/// Whether an opened file may be changed.
enum class Access { read_only, read_write };
/// Whether zeroing may give the space back to the file system.
enum class Unmap { no, yes };
/// What of an opened file others may not do while it is open (QEMU's lock bytes). `off`: all, and
/// they do not hear of this opening; `shared`: all, but whoever keeps readers out keeps this one
/// out; `on`: nobody else may write.
enum class Locking { off, shared, on };

/// The bytes of one opened file; half of the seam (the other half is runtime.h). Knows nothing of
/// image formats. The buffers belong to the caller and must live until the task has finished.
///
/// What it promises: operations on disjoint ranges are independent and may finish in any order; the
/// result of overlapping ones that are in flight together is undefined (CheckedStorage refuses
/// them). A finished write is seen by every later read, and survives the death of the process; it
/// survives the loss of power only after a flush that was started after the write had finished.
/// Failures are thrown as IoError; a failed write may have changed any part of its range.
class Storage {
 public:
  virtual ~Storage() = default;

  /// The length of the file.
  virtual ByteCount size() const = 0;
  /// How much space the file takes, holes not counted; its length where nobody keeps account.
  virtual ByteCount allocated_size() const { return size(); }
  /// The length of a range without the hole at its end. A hole reads as zeros. Where nobody keeps
  /// account of holes it is the whole length.
  virtual ByteCount before_hole(HostOffset, ByteCount length) const { return length; }
  virtual Access access() const = 0;
  /// Turns a read-only opening into a writable one, or back; locks follow. Requires that nothing is
  /// in flight. Throws Refusal or IoError, and then nothing has changed.
  virtual Task<void> set_access(Access access) = 0;
  /// Whether others may open the file to read it; at first they may. Throws Refusal if it is to be
  /// kept from readers and has others. Does nothing where nobody locks.
  virtual void share_reads(bool) {}
  /// Forbids others more, or less, from now on. Throws LockConflict, and then nothing has changed.
  /// Does nothing where nobody locks.
  virtual void set_locking(Locking) {}
  /// Cuts the file or extends it with zeros.
  virtual Task<void> resize(ByteCount size) = 0;
  /// Fills `buffer` from `offset` on; what lies beyond the end of the file reads as zeros.
  virtual Task<void> read(HostOffset offset, std::span<std::byte> buffer) = 0;
  /// Writes all of `data` at `offset`, extending the file as needed.
  virtual Task<void> write(HostOffset offset, std::span<const std::byte> data) = 0;
  /// Makes the range read as zeros, extending the file as needed.
  virtual Task<void> write_zeroes(HostOffset offset, ByteCount length, Unmap unmap) = 0;
  /// Makes all writes that have finished durable.
  virtual Task<void> flush() = 0;
};

/// Where files are found by name. Paths are as the user or an image header gives them; relative
/// ones are relative to the process. Errors are worded as QEMU words them, e.g. "Could not open
/// 'F': No such file or directory".
class Host {
 public:
  virtual ~Host() = default;

  /// Opens an existing regular file (or block device). Throws Refusal: missing, a directory, no
  /// permission, locked by somebody else.
  virtual Task<std::unique_ptr<Storage>> open(const std::string& path, Access access,
                                              Locking locking) = 0;
  /// Makes an empty file, or empties an existing one that nobody has locked, opened for writing.
  virtual Task<std::unique_ptr<Storage>> create(const std::string& path) = 0;
};

}  // namespace engine::io
