// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sim::foreign {

/// A cluster of `size` bytes, all of them `byte`, compressed as qcow2 wants it: by zstd, or by
/// deflate without a zlib head and a window of 4 KiB. Deflate uses no repetitions, so that what
/// comes out is an eighth of what goes in, and reaches over sectors and clusters.
std::vector<std::byte> compressed(std::uint64_t size, std::uint8_t byte, bool zstd);
/// The other way round. Empty if that is not what `from` holds.
std::vector<std::byte> expanded(const std::vector<std::byte>& from, std::uint64_t size, bool zstd);

}  // namespace sim::foreign
