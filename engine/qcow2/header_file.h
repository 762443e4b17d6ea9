// SPDX-License-Identifier: MIT
#pragma once

#include "engine/io/storage.h"
#include "engine/qcow2/header.h"
#include "engine/qcow2/write_order.h"

namespace engine::qcow2 {

/// The header as it is in the file.
///
/// A header whose writing failed may be in the file or not: then it is in doubt, and what it may
/// name stays as it is until the one before it has been written again. As a member of the write
/// order the header comes before all tables, so that this happens before any of them changes.
class HeaderFile final : public WriteBack {
 public:
  explicit HeaderFile(io::Storage& file) : file_(file) {}

  /// Reads and checks the header; throws as decode_header does.
  io::Task<void> load(OpenFor purpose = OpenFor::use);
  const Header& header() const { return header_; }
  /// Whether the file may hold another header than header().
  bool in_doubt() const { return !known_; }

  /// Puts another header in its place: the sectors that differ, preceded and followed by a flush of
  /// the file: a header points only to what is durable. The names of features are left out if
  /// the rest then fits one sector: a power cut leaves the old header or the new one, unless both
  /// are longer than that. Throws IoError if the header does not fit the first cluster, and then
  /// nothing has changed; if it cannot be written, header() stays as it was and may be in doubt.
  io::Task<void> replace(Header next);

  bool dirty() const override { return in_doubt(); }
  /// Writes header() again.
  io::Task<void> write_back() override;

 private:
  /// Writes what differs in these sectors, and flushes.
  io::Task<void> write_changes(const std::vector<std::byte>& before,
                               const std::vector<std::byte>& after, std::uint64_t start,
                               std::uint64_t end);

  io::Storage& file_;
  Header header_;
  std::vector<std::byte> bytes_;  ///< the file's beginning, in whole sectors
  bool known_ = false;            ///< whether that is what the file has
};

}  // namespace engine::qcow2
