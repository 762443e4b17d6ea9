// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/runs.h"

namespace sim {

/// The bits of a dirty bitmap as QEMU hashes them, and how many bytes they stand for.
struct HashedBits {
  std::string sha256;       ///< lower-case hexadecimal
  std::uint64_t bytes = 0;  ///< dirty granules times granularity; the last one counts as a whole
};

/// The hash of a bitmap of a disk of `size` bytes that has just those granules dirty that `dirty`
/// touches (rule S35): bit i mod 64 of little-endian word i / 64 stands for granule i, and there
/// is at least one word. Nothing if `granularity` is no power of two, if the disk has more than
/// 2^37 granules, or if it ends before the last run: no bitmap has such measures. Memory does not
/// grow with the disk.
std::optional<HashedBits> hash_of_bits(const std::vector<ByteRun>& dirty, std::uint64_t size,
                                       std::uint64_t granularity);

}  // namespace sim
