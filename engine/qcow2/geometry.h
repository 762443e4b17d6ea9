// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/io/units.h"

namespace engine::qcow2 {

/// The number of a cluster of the guest's disk, or of the file.
template <class Space>
struct ClusterNumber {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(ClusterNumber, ClusterNumber) = default;
  friend constexpr ClusterNumber operator+(ClusterNumber a, std::uint64_t n) {
    return {a.value + n};
  }
};
using GuestCluster = ClusterNumber<struct GuestSpace>;
using HostCluster = ClusterNumber<struct HostSpace>;

/// A run of clusters of the file.
struct HostRun {
  HostCluster first;
  std::uint64_t count = 0;
  HostCluster end() const { return first + count; }
};

/// The sizes that follow from the header: how many entries a table has, which table and which
/// slice of it belongs to a cluster. Tables are cached in slices of at most 64 KiB, so that large
/// clusters do not make large cache entries.
class Geometry {
 public:
  static constexpr unsigned max_slice_bits = 16;

  Geometry(unsigned cluster_bits, unsigned refcount_order)
      : cluster_bits_(cluster_bits), refcount_order_(refcount_order) {}

  unsigned cluster_bits() const { return cluster_bits_; }
  unsigned refcount_order() const { return refcount_order_; }
  ByteCount cluster_size() const { return {std::uint64_t{1} << cluster_bits_}; }
  std::uint64_t in_cluster(std::uint64_t offset) const {
    return offset & (cluster_size().value - 1);
  }

  GuestCluster cluster_down(GuestOffset at) const { return {at.value >> cluster_bits_}; }
  GuestCluster cluster_up(GuestOffset at) const {
    return {units_for(at.value, cluster_size().value)};
  }
  GuestOffset start(GuestCluster cluster) const { return {cluster.value << cluster_bits_}; }
  HostCluster cluster_down(HostOffset at) const { return {at.value >> cluster_bits_}; }
  HostOffset start(HostCluster cluster) const { return {cluster.value << cluster_bits_}; }
  /// How many clusters hold so many bytes.
  std::uint64_t clusters_for(ByteCount bytes) const {
    return units_for(bytes.value, cluster_size().value);
  }
  HostRun run(HostOffset first, std::uint64_t count) const { return {cluster_down(first), count}; }

  /// The clusters that a range of the file touches. Requires length > 0.
  HostRun touched(HostOffset start_at, ByteCount length) const {
    const std::uint64_t first = start_at.value >> cluster_bits_;
    const std::uint64_t last = (start_at.value + length.value - 1) >> cluster_bits_;
    return {{first}, last - first + 1};
  }

  unsigned slice_bits() const { return std::min(cluster_bits_, max_slice_bits); }
  ByteCount slice_size() const { return {std::uint64_t{1} << slice_bits()}; }

  // L2 tables: eight bytes an entry.
  unsigned l2_bits() const { return cluster_bits_ - 3; }
  unsigned l2_slice_bits() const { return slice_bits() - 3; }
  std::uint64_t l1_index(GuestCluster cluster) const { return cluster.value >> l2_bits(); }
  std::uint64_t index_in_l2(GuestCluster cluster) const {
    return cluster.value & ((std::uint64_t{1} << l2_bits()) - 1);
  }
  /// Entry number within its slice.
  std::uint64_t index_in_slice(GuestCluster cluster) const {
    return cluster.value & (entries_per_slice() - 1);
  }
  std::uint64_t entries_per_slice() const { return std::uint64_t{1} << l2_slice_bits(); }
  /// The first cluster after those that the slice of `cluster` describes.
  GuestCluster slice_end(GuestCluster cluster) const {
    return {round_down(cluster.value, entries_per_slice()) + entries_per_slice()};
  }

  // Refcount blocks: 2^refcount_order bits an entry.
  unsigned refcounts_per_block_bits() const { return cluster_bits_ + 3 - refcount_order_; }
  std::uint64_t refcounts_per_block() const {
    return std::uint64_t{1} << refcounts_per_block_bits();
  }
  std::uint64_t block_index(HostCluster cluster) const {
    return cluster.value >> refcounts_per_block_bits();
  }
  std::uint64_t index_in_block(HostCluster cluster) const {
    return cluster.value & (refcounts_per_block() - 1);
  }
  HostCluster first_of_block(std::uint64_t block_index) const {
    return {block_index << refcounts_per_block_bits()};
  }

 private:
  unsigned cluster_bits_;
  unsigned refcount_order_;
};

}  // namespace engine::qcow2
