// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace tests {

/// A run of bytes as tools print it.
struct ByteRun {
  std::uint64_t start, length;
  friend bool operator==(const ByteRun&, const ByteRun&) = default;
};

/// What qemu-img says of an image file; throws if it cannot open it.
nlohmann::json qemu_img_info(const std::string& file);

/// {"corruptions":n,"leaks":n} by qemu-img check.
nlohmann::json qemu_img_check(const std::string& file);

/// The dirty runs of a stored bitmap as an NBD client sees them: qemu-nbd serves the image
/// read-only with that bitmap, nbdinfo maps it.
std::vector<ByteRun> nbd_dirty_runs(const std::string& file, const std::string& bitmap);

}  // namespace tests
