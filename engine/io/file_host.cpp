// SPDX-License-Identifier: MIT
#include "engine/io/file_host.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "engine/error.h"
#include "engine/io/file_lock.h"
#include "engine/io/file_storage.h"

namespace engine::io {
namespace {

void require_file_or_device(const struct stat& status, const std::string& path) {
  if (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode)) return;
  throw Refusal("'file' driver requires '" + path + "' to be a regular file");
}

std::unique_ptr<Storage> opened(const std::string& path, Access access, Locking locking) {
  struct stat status {};
  const std::string prefix = "Could not open '" + path + "'";
  // Before opening: to open a fifo or a device can have effects of its own.
  if (stat(path.c_str(), &status) != 0) throw IoError(errno, prefix);
  require_file_or_device(status, path);
  const int flags = access == Access::read_write ? O_RDWR : O_RDONLY;
  FileDescriptor file(::open(path.c_str(), flags | O_CLOEXEC));
  if (file.number() < 0) throw IoError(errno, prefix);
  std::optional<Claim> claim;
  if (locking != Locking::off) {
    const bool shared = locking == Locking::shared;
    claim = Claim{.writes = access == Access::read_write && !shared, .shares_writes = shared};
    lock_file(file.number(), *claim, path);
  }
  return std::make_unique<FileStorage>(std::move(file), path, access, claim);
}

std::unique_ptr<Storage> created(const std::string& path) {
  struct stat status {};
  const std::string prefix = "Could not create '" + path + "'";
  if (stat(path.c_str(), &status) == 0 && !S_ISDIR(status.st_mode)) {
    require_file_or_device(status, path);
  }
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (file.number() < 0) throw IoError(errno, prefix);
  // Emptied under the lock: somebody may be using what is there.
  const Claim claim{.reads = false, .writes = true};
  lock_file(file.number(), claim, path);
  if (ftruncate(file.number(), 0) != 0) throw IoError(errno, prefix);
  return std::make_unique<FileStorage>(std::move(file), path, Access::read_write, claim);
}

}  // namespace

Task<std::unique_ptr<Storage>> FileHost::open(const std::string& path, Access access,
                                              Locking locking) {
  co_return opened(path, access, locking);
}

Task<std::unique_ptr<Storage>> FileHost::create(const std::string& path) {
  co_return created(path);
}

}  // namespace engine::io
