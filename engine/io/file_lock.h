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
///     p  permission        used read-only  used writable  shared
///     0  consistent read   yes             yes            yes
///     1  write             no              yes            no
///     2  write unchanged   no              no             yes
///     3  resize            no              yes            no
///
/// Locks `descriptor` for `access`, whatever it was locked for before. Throws Refusal, with `path`
/// in its hint, if another opening forbids it; then a descriptor that was locked for reading still
/// is.
void lock_file(int descriptor, Access access, const std::string& path);

/// The same without asking whether others object: for a descriptor that takes the place of one that
/// is locked for `access`, and for going back to less access.
void hold_locks(int descriptor, Access access);

/// Gives all locks up. Closing does the same only with the last descriptor of the opening, and a
/// child process may have another one between its fork and its exec.
void release_locks(int descriptor) noexcept;

}  // namespace engine::io
