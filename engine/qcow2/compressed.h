// SPDX-License-Identifier: MIT
#pragma once

#include "engine/qcow2/parts.h"

namespace engine::qcow2 {

/// Where the compressed bytes of a cluster lie in the file: at any byte, in sectors that neighbours
/// may share (specification, "Compressed Clusters Descriptor").
struct CompressedPlace {
  HostOffset start;
  ByteCount length;  ///< up to the end of the last sector; what is behind the data means nothing
};

/// Requires an entry of that kind.
CompressedPlace compressed_place(TableEntry entry, const Geometry& geometry);

/// The clusters of the file that an L2 entry refers to; count 0: none.
HostRun clusters_of(TableEntry entry, const Geometry& geometry);

/// Fills `to` with what `from` holds, compressed as the header tells (0: deflate without a head, 1:
/// zstd). Throws IoError (EIO) for bytes that are not that, or too few.
void expand(unsigned compression_type, std::span<const std::byte> from, std::span<std::byte> to);

/// Fills a buffer of one cluster with the contents of a compressed one. Throws IoError.
io::Task<void> read_compressed(Parts& parts, TableEntry entry, std::span<std::byte> cluster);

}  // namespace engine::qcow2
