// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "engine/io/storage.h"

namespace engine::io {

/// Image locking as QEMU does it, so that QEMU and we keep each other out. Every opening of a file
/// takes shared locks of its open file description (F_OFD_SETLK) on single bytes of the file: byte
/// 100+p says "I use permission p", byte 200+p "I do not share permission p with others". Nobody
/// takes exclusive locks; a conflict is found by asking whether one could be had.
///
///     p  permission        used             shared
///     0  consistent read   reads            shares_reads
///     1  write             writes           shares_writes
///     2  write unchanged   no               yes
///     3  resize            writes           shares_writes
///
struct Claim {
  bool reads = true;
  bool writes = false;
  bool shares_reads = true;
  bool shares_writes = false;
};

/// Locks `descriptor` as claimed, whatever it was locked for before. Throws Refusal, with `path` in
/// its hint, if another opening forbids it; what is held then is for the caller to mend.
void lock_file(int descriptor, const Claim& claim, const std::string& path);

/// The same without asking whether others object: for a descriptor that takes the place of one that
/// is locked so, and for going back to claiming less.
void hold_locks(int descriptor, const Claim& claim);

/// Gives all locks up. Closing does the same only with the last descriptor of the opening, and a
/// child process may have another one between its fork and its exec.
void release_locks(int descriptor) noexcept;

}  // namespace engine::io
