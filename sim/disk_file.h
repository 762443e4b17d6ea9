// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/kept.h"
#include "sim/sparse_bytes.h"

namespace sim {

/// Whether a disk remembers what was not flushed yet, which only a power cut asks for.
enum class Journal { off, on };

/// One file of a simulated disk: what processes see (the page cache) and, with a journal, what the
/// medium holds for sure together with the changes since, in their order.
class DiskFile {
 public:
  explicit DiskFile(Journal journal) : journal_(journal) {}
  /// A file that holds `bytes`, all durable.
  DiskFile(Journal journal, SparseBytes bytes);

  const SparseBytes& bytes() const { return cache_; }
  void write(std::uint64_t offset, std::span<const std::byte> data);
  void write_zeroes(std::uint64_t offset, std::uint64_t length);
  void resize(std::uint64_t size);

  /// A point in the order of changes; make_durable() takes what came before it to the medium.
  std::uint64_t mark() const { return first_pending_ + pending_.size(); }
  void make_durable(std::uint64_t mark);

  /// The changes since the last flush, as if of a file called `path`.
  std::vector<Unflushed> unflushed(const std::string& path) const;
  std::size_t unflushed_count() const { return pending_.size(); }
  /// What the medium holds if the power fails now and each unflushed change has its fate, the
  /// first of them being `fates`. Requires a journal.
  SparseBytes after_power_cut(std::span<const Fate> fates) const;
  /// The power fails: the medium holds these bytes, and the page cache is gone.
  void power_cut(SparseBytes left);

  /// Who has the file open; onlookers let others do what they want.
  unsigned readers = 0;
  unsigned writers = 0;
  unsigned onlookers = 0;
  unsigned unshared = 0;  ///< how many of them let nobody else read

 private:
  struct Change {
    Unflushed::Kind kind;
    std::uint64_t offset;  ///< for a resize: the new size
    std::uint64_t length;
    std::vector<std::byte> data;
  };
  static void apply(const Change& change, SparseBytes& bytes);
  static void apply_torn(const Change& change, const Fate& fate, SparseBytes& bytes);
  void note(Change change);

  Journal journal_;
  SparseBytes cache_;
  SparseBytes durable_;
  std::vector<Change> pending_;
  std::uint64_t first_pending_ = 0;
};

}  // namespace sim
