// SPDX-License-Identifier: MIT
#pragma once

#include "engine/qcow2/parts.h"

namespace engine::qcow2 {

// What the guest can ask for, on the parts of an image. Ranges lie within the disk.

inline ByteCount size_of(std::span<const std::byte> bytes) { return {bytes.size()}; }

// read.cpp
io::Task<void> read_guest(Parts& parts, GuestOffset offset, std::span<std::byte> buffer);
io::Task<Extent> find_extent(Parts& parts, GuestOffset offset, ByteCount length);

// write.cpp
io::Task<void> write_guest(Parts& parts, GuestOffset offset, std::span<const std::byte> data);

// zero.cpp
io::Task<void> zero_guest(Parts& parts, GuestOffset offset, ByteCount length, io::Unmap unmap);
io::Task<void> discard_guest(Parts& parts, GuestOffset offset, ByteCount length);
/// Makes guest clusters unallocated, so that nothing of them is left, not even zeros.
io::Task<void> forget_clusters(Parts& parts, GuestCluster first, GuestCluster end);

// resize.cpp
io::Task<void> resize_disk(Parts& parts, ByteCount size);

}  // namespace engine::qcow2
