// SPDX-License-Identifier: MIT
#include "engine/io/file_storage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "engine/error.h"
#include "engine/io/file_lock.h"

namespace engine::io {
namespace {

/// Fails where it is awaited.
Task<void> failed(int code, std::string prefix = {}) {
  throw IoError(code, prefix);
  co_return;
}

Task<void> finished(int code) {
  if (code != 0) [[unlikely]]
    return failed(code);
  return Task<void>::ready();
}

ByteCount measured_size(int descriptor) {
  const off_t end = lseek(descriptor, 0, SEEK_END);
  if (end < 0) throw IoError(errno, "Could not determine the size of the file");
  return {static_cast<std::uint64_t>(end)};
}

/// 0 or the errno of a call that returns -1 on failure, tried again when a signal interrupted it.
template <class Call>
int retried(Call call) {
  while (call() != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

bool is_unsupported(int code) { return code == EOPNOTSUPP || code == ENOSYS || code == EINVAL; }

}  // namespace

FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept
    : number_(std::exchange(other.number_, -1)) {}
FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}
FileDescriptor::~FileDescriptor() {
  if (number_ < 0) return;
  release_locks(number_);
  close(number_);
}

FileStorage::FileStorage(FileDescriptor file, std::string path, Access access,
                         std::optional<Claim> claim)
    : file_(std::move(file)),
      path_(std::move(path)),
      access_(access),
      claim_(claim),
      size_(measured_size(file_.number())) {}

ByteCount FileStorage::allocated_size() const {
  constexpr std::uint64_t block_bytes = 512;  // of st_blocks, whatever the file system's own are
  struct stat status {};
  if (fstat(file_.number(), &status) != 0) return size_;
  return {static_cast<std::uint64_t>(status.st_blocks) * block_bytes};
}

ByteCount FileStorage::before_hole(HostOffset start, ByteCount length) const {
  const HostOffset end = start + length;
  ByteCount filled{0};
  for (HostOffset at = start; at < end;) {
    const off_t data = lseek(file_.number(), static_cast<off_t>(at.value), SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // only a hole up to the end of the file
    const off_t hole = data < 0 ? -1 : lseek(file_.number(), data, SEEK_HOLE);
    if (hole <= data) return length;  // a file system that does not tell
    if (HostOffset{static_cast<std::uint64_t>(data)} >= end) break;
    at = std::min(end, HostOffset{static_cast<std::uint64_t>(hole)});
    filled = at - start;
  }
  return filled;
}

Task<void> FileStorage::set_access(Access access) {
  if (access != access_) reopen(access);
  co_return;
}

void FileStorage::share_reads(bool shared) {
  if (!claim_) return;
  Claim claim = *claim_;
  claim.shares_reads = shared;
  if (!shared) return lock(claim);
  hold_locks(file_.number(), claim);
  claim_ = claim;
}

void FileStorage::set_locking(Locking locking) {
  if (locking == Locking::off) return unlock();
  const bool shared = locking == Locking::shared;
  lock({.writes = access_ == Access::read_write && !shared, .shares_writes = shared});
}

void FileStorage::unlock() noexcept {
  release_locks(file_.number());
  claim_.reset();
}

/// Locks the file in another way, or leaves it as it was locked and throws.
void FileStorage::lock(const Claim& claim) {
  try {
    lock_file(file_.number(), claim, path_);
  } catch (const Refusal&) {
    if (claim_) {
      hold_locks(file_.number(), *claim_);
    } else {
      unlock();
    }
    throw;
  }
  claim_ = claim;
}

void FileStorage::reopen(Access access) {
  const std::optional<Claim> before = claim_;
  if (claim_) {
    Claim claim = *claim_;
    claim.writes = access == Access::read_write && !claim.shares_writes;
    if (claim.writes) lock(claim);
    claim_ = claim;
  }
  // By descriptor and not by name: the name may stand for another file by now.
  const std::string self = "/proc/self/fd/" + std::to_string(file_.number());
  const int flags = access == Access::read_write ? O_RDWR : O_RDONLY;
  FileDescriptor reopened(open(self.c_str(), flags | O_CLOEXEC));
  if (reopened.number() < 0) {
    const int code = errno;
    claim_ = before;
    if (claim_) hold_locks(file_.number(), *claim_);
    throw IoError(code, "Could not open '" + path_ + "'");
  }
  if (claim_) hold_locks(reopened.number(), *claim_);
  file_ = std::move(reopened);
  access_ = access;
}

Task<void> FileStorage::resize(ByteCount size) {
  changed_ = true;
  const off_t length = static_cast<off_t>(size.value);
  const int code = retried([&] { return ftruncate(file_.number(), length); });
  if (code != 0) return failed(code, "Could not resize file");
  size_ = size;
  return Task<void>::ready();
}

Task<void> FileStorage::read(HostOffset offset, std::span<std::byte> buffer) {
  while (!buffer.empty()) {
    const off_t at = static_cast<off_t>(offset.value);
    const ssize_t got = pread(file_.number(), buffer.data(), buffer.size(), at);
    if (got < 0) {
      if (errno == EINTR) continue;
      return failed(errno);
    }
    if (got == 0) {
      std::fill(buffer.begin(), buffer.end(), std::byte{0});
      break;
    }
    buffer = buffer.subspan(static_cast<std::size_t>(got));
    offset.value += static_cast<std::uint64_t>(got);
  }
  return Task<void>::ready();
}

Task<void> FileStorage::write(HostOffset offset, std::span<const std::byte> data) {
  changed_ = true;
  while (!data.empty()) {
    const off_t at = static_cast<off_t>(offset.value);
    const ssize_t put = pwrite(file_.number(), data.data(), data.size(), at);
    if (put < 0) {
      if (errno == EINTR) continue;
      return failed(errno);
    }
    if (put == 0) return failed(ENOSPC);
    data = data.subspan(static_cast<std::size_t>(put));
    offset.value += static_cast<std::uint64_t>(put);
    note_written(offset);
  }
  return Task<void>::ready();
}

Task<void> FileStorage::write_zeroes(HostOffset offset, ByteCount length, Unmap unmap) {
  if (length.value == 0) return Task<void>::ready();
  changed_ = true;
  return finished(zero(offset, length, unmap));
}

int FileStorage::zero(HostOffset offset, ByteCount length, Unmap unmap) {
  const off_t at = static_cast<off_t>(offset.value);
  const off_t bytes = static_cast<off_t>(length.value);
  if (unmap == Unmap::yes && supported_.punch_hole) {
    const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    const int code = retried([&] { return fallocate(file_.number(), mode, at, bytes); });
    if (code == 0) return extend_to(offset + length);
    if (!is_unsupported(code)) return code;
    supported_.punch_hole = false;
  }
  if (supported_.zero_range) {
    const int mode = FALLOC_FL_ZERO_RANGE;
    const int code = retried([&] { return fallocate(file_.number(), mode, at, bytes); });
    if (code == 0) note_written(offset + length);
    if (!is_unsupported(code)) return code;
    supported_.zero_range = false;
  }
  return write_zero_bytes(offset, length);
}

int FileStorage::write_zero_bytes(HostOffset offset, ByteCount length) {
  const std::vector<std::byte> zeros(std::min<std::uint64_t>(length.value, 1 << 20));
  const HostOffset end = offset + length;
  while (offset < end) {
    const std::size_t bytes = std::min<std::uint64_t>(zeros.size(), (end - offset).value);
    const off_t at = static_cast<off_t>(offset.value);
    const ssize_t put = pwrite(file_.number(), zeros.data(), bytes, at);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno;
    if (put == 0) return ENOSPC;
    offset.value += static_cast<std::uint64_t>(put);
    note_written(offset);
  }
  return 0;
}

int FileStorage::extend_to(HostOffset end) {
  if (end.value <= size_.value) return 0;
  const off_t length = static_cast<off_t>(end.value);
  const int code = retried([&] { return ftruncate(file_.number(), length); });
  if (code == 0) note_written(end);
  return code;
}

void FileStorage::note_written(HostOffset end) {
  if (end.value > size_.value) size_ = {end.value};
}

Task<void> FileStorage::flush() {
  if (!changed_) return Task<void>::ready();
  const int code = retried([&] { return fdatasync(file_.number()); });
  changed_ = code != 0;
  return finished(code);
}

}  // namespace engine::io
