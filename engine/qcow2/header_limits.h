// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "engine/qcow2/header.h"

namespace engine::qcow2 {

inline constexpr std::uint32_t min_cluster_bits = 9;
inline constexpr std::uint32_t max_cluster_bits = 21;
/// What QEMU sets as limits, so that a header cannot ask for any amount of memory.
inline constexpr ByteCount max_l1_bytes{32 << 20};
inline constexpr ByteCount max_refcount_table_bytes{8 << 20};
inline constexpr std::uint32_t max_snapshots = 65536;
inline constexpr ByteCount max_snapshot_table_bytes{64 << 20};
/// What an entry of the snapshot table has at least.
inline constexpr std::uint64_t snapshot_fixed_bytes = 40;
/// Where every file ends at the latest.
inline constexpr std::uint64_t largest_file = (std::uint64_t{1} << 63) - (1 << 30);

/// Whether such a part of a file can be read at all; what lies beyond its end reads as zeros.
inline bool can_be_read(HostOffset at, ByteCount size) {
  return size.value <= largest_file && at.value <= largest_file - size.value;
}

// Each check throws Refusal in QEMU's words; decode_header calls them in QEMU's order.

void check_version(const Header& header);
void check_cluster_bits(const Header& header);
void check_header_length(const Header& header);
/// Features and widths that this engine (or anybody) cannot deal with.
void check_features(const Header& header, OpenFor purpose);
/// Size, alignment and place of the refcount table, the snapshot table and the L1 table.
void check_tables(const Header& header, OpenFor purpose);
/// Of the snapshot table, which is called by that name.
void check_snapshot_table(const Header& header, const std::string& name);

/// How many L1 entries a disk of this size needs; few, as QEMU has it, where the sum goes past
/// 2^64.
std::uint64_t l1_entries_for(ByteCount size, std::uint32_t cluster_bits);

}  // namespace engine::qcow2
