// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "engine/io/units.h"

namespace engine::qcow2 {

/// What an L2 entry says about its guest cluster.
enum class ClusterKind : std::uint8_t {
  unallocated,  ///< the backing shows through
  zero,         ///< reads as zeros; may keep a host cluster for later
  data,         ///< lies in a host cluster
  compressed    ///< lies somewhere, compressed
};

/// An entry of an L1 or L2 table, decoded on demand (specification, "Cluster mapping").
struct TableEntry {
  std::uint64_t raw = 0;

  static constexpr std::uint64_t copied_flag = std::uint64_t{1} << 63;
  static constexpr std::uint64_t compressed_flag = std::uint64_t{1} << 62;
  static constexpr std::uint64_t zero_flag = 1;
  static constexpr std::uint64_t place_mask = 0x00fffffffffffe00;

  static TableEntry owned(HostOffset place) { return {place.value | copied_flag}; }

  HostOffset place() const { return {raw & place_mask}; }
  bool has_place() const { return (raw & place_mask) != 0; }
  /// The cluster's refcount is exactly 1: it may be written in place.
  bool copied() const { return (raw & copied_flag) != 0; }
  /// For entries of L2 tables.
  ClusterKind kind() const {
    if ((raw & compressed_flag) != 0) return ClusterKind::compressed;
    if ((raw & zero_flag) != 0) return ClusterKind::zero;
    return has_place() ? ClusterKind::data : ClusterKind::unallocated;
  }
  TableEntry with_zero() const { return {raw | zero_flag}; }
};

}  // namespace engine::qcow2
