// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/choice.h"
#include "sim/sparse_bytes.h"

namespace sim {

/// Whether a disk remembers what was not flushed yet, which only a power cut asks for.
enum class Journal { off, on };

/// One file of a simulated disk: what processes see (the page cache) and, with a journal, what the
/// medium holds for sure together with the changes since, in their order.
class DiskFile {
 public:
  explicit DiskFile(Journal journal) : journal_(journal) {}

  const SparseBytes& bytes() const { return cache_; }
  void write(std::uint64_t offset, std::span<const std::byte> data);
  void write_zeroes(std::uint64_t offset, std::uint64_t length);
  void resize(std::uint64_t size);

  /// A point in the order of changes; make_durable() takes what came before it to the medium.
  std::uint64_t mark() const { return first_pending_ + pending_.size(); }
  void make_durable(std::uint64_t mark);
  std::size_t unflushed() const { return pending_.size(); }

  /// The power fails: each change since the last flush is kept, dropped or torn by sectors, as
  /// `choice` says, and the page cache is gone. Requires a journal.
  void power_cut(Choice& choice);

  /// Who has the file open.
  unsigned readers = 0;
  unsigned writers = 0;

 private:
  struct Change {
    enum class Kind { write, zero, resize } kind;
    std::uint64_t offset;  ///< for a resize: the new size
    std::uint64_t length;
    std::vector<std::byte> data;
  };
  static void apply(const Change& change, SparseBytes& bytes);
  static void apply_torn(const Change& change, SparseBytes& bytes, Choice& choice);
  void note(Change change);

  Journal journal_;
  SparseBytes cache_;
  SparseBytes durable_;
  std::vector<Change> pending_;
  std::uint64_t first_pending_ = 0;
};

}  // namespace sim
