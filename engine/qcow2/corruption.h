// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <string>

#include "engine/error.h"

namespace engine::qcow2 {

/// Metadata that cannot be right was met. Thrown by the parts of an image, caught where a request
/// ends; there the image is marked corrupt, and the request fails with EIO.
class Corruption : public IoError {
 public:
  /// `finding` as QEMU words it, e.g. "L2 table offset 0x40200 unaligned (L1 index: 0)".
  explicit Corruption(std::string finding) : IoError(EIO), finding_(std::move(finding)) {}
  const std::string& finding() const { return finding_; }

 private:
  std::string finding_;
};

/// "0x1f", and "0" for zero: printf's %#x.
std::string hex(std::uint64_t value);

}  // namespace engine::qcow2
