// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/io/storage.h"
#include "engine/io/units.h"

namespace engine::qcow2 {

/// What is wrong with an image; the numbers are those of `qemu-img check`.
struct CheckReport {
  /// Findings that can cost data: a cluster used more often than its refcount says, a table entry
  /// that points nowhere, a COPIED flag that is wrong.
  std::uint64_t corruptions = 0;
  /// Clusters whose refcount is higher than their use: lost space, no harm.
  std::uint64_t leaks = 0;
  /// What could not be found out, because the image cannot be read there.
  std::uint64_t check_errors = 0;
  /// A line for each of these as QEMU words it, up to max_findings.
  std::vector<std::string> findings;

  ByteCount image_end_offset;
  std::uint64_t total_clusters = 0;      ///< of the disk
  std::uint64_t allocated_clusters = 0;  ///< of the disk, with data in this image
  std::uint64_t fragmented_clusters = 0;
  std::uint64_t compressed_clusters = 0;

  static constexpr std::size_t max_findings = 1000;

  /// The same finding may be met so often.
  void corrupt(const std::string& finding, std::uint64_t times = 1);
  void leak(const std::string& finding);
  void fail(const std::string& finding);
};

/// Walks all metadata of the image in `file`: header, refcount table and blocks, the L1 and L2
/// tables of the disk and of every snapshot, bitmap directory, tables and data. Counts who refers
/// to which cluster and compares that with the refcounts and with the COPIED flags. Only reads.
/// Memory grows with the metadata that the file really holds, not with what a header claims.
/// Throws Refusal for what cannot be opened: no qcow2 header, a broken snapshot table or bitmap
/// directory; IoError for what cannot be read.
io::Task<CheckReport> check(io::Storage& file);

}  // namespace engine::qcow2
