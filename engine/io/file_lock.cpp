// SPDX-License-Identifier: MIT
#include "engine/io/file_lock.h"

#include <fcntl.h>

#include <array>
#include <cerrno>

#include "engine/error.h"

namespace engine::io {
namespace {

constexpr off_t used_bytes = 100;
constexpr off_t unshared_bytes = 200;

struct Permission {
  off_t number;
  const char* name;
  bool Claim::*use;    ///< null: never
  bool Claim::*share;  ///< null: always

  bool used(const Claim& claim) const { return use != nullptr && claim.*use; }
  bool shared(const Claim& claim) const { return share == nullptr || claim.*share; }
};

constexpr std::array permissions{
    Permission{0, "consistent read", &Claim::reads, &Claim::shares_reads},
    Permission{1, "write", &Claim::writes, &Claim::shares_writes},
    Permission{2, "write unchanged", nullptr, nullptr},
    Permission{3, "resize", &Claim::writes, &Claim::shares_writes},
};

struct flock one_byte(short type, off_t byte) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  return lock;
}

/// Holds or gives up the shared lock on a byte.
void hold(int descriptor, off_t byte, bool wanted) {
  struct flock lock = one_byte(wanted ? F_RDLCK : F_UNLCK, byte);
  if (fcntl(descriptor, F_OFD_SETLK, &lock) != 0) {
    throw IoError(errno, "Failed to lock byte " + std::to_string(byte));
  }
}

bool held_by_others(int descriptor, off_t byte) {
  struct flock lock = one_byte(F_WRLCK, byte);
  if (fcntl(descriptor, F_OFD_GETLK, &lock) != 0) {
    throw IoError(errno, "Failed to lock byte " + std::to_string(byte));
  }
  return lock.l_type != F_UNLCK;
}

/// The lock that a claim cannot have; empty if it can have all. QEMU asks in this order.
std::string conflict(int descriptor, const Claim& claim) {
  for (const Permission& p : permissions) {
    if (p.used(claim) && held_by_others(descriptor, unshared_bytes + p.number)) {
      return std::string("\"") + p.name + "\"";
    }
  }
  for (const Permission& p : permissions) {
    if (!p.shared(claim) && held_by_others(descriptor, used_bytes + p.number)) {
      return std::string("shared \"") + p.name + "\"";
    }
  }
  return {};
}

}  // namespace

void hold_locks(int descriptor, const Claim& claim) {
  for (const Permission& p : permissions) hold(descriptor, used_bytes + p.number, p.used(claim));
  for (const Permission& p : permissions) {
    hold(descriptor, unshared_bytes + p.number, !p.shared(claim));
  }
}

void release_locks(int descriptor) noexcept {
  struct flock all = one_byte(F_UNLCK, 0);
  all.l_len = 0;  // to the end of the file, wherever that is
  fcntl(descriptor, F_OFD_SETLK, &all);
}

void lock_file(int descriptor, const Claim& claim, const std::string& path) {
  hold_locks(descriptor, claim);
  const std::string lock = conflict(descriptor, claim);
  if (!lock.empty()) throw LockConflict(lock, path);
}

}  // namespace engine::io
