// SPDX-License-Identifier: MIT
#pragma once

#include "engine/io/storage.h"
#include "engine/qcow2/header.h"

namespace engine::qcow2 {

/// The header as it is in the file.
class HeaderFile {
 public:
  explicit HeaderFile(io::Storage& file) : file_(file) {}

  /// Reads and checks the header; throws as decode_header does.
  io::Task<void> load(OpenFor purpose = OpenFor::use);
  const Header& header() const { return header_; }

  /// Puts another header in its place: the sectors that differ, preceded and followed by a flush of
  /// the file: a header points only to what is durable. The names of features are left out if
  /// the rest then fits one sector: a power cut leaves the old header or the new one, unless both
  /// are longer than that. Throws IoError if the header does not fit the first cluster, and then
  /// nothing has changed.
  io::Task<void> replace(Header next);

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
