// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "engine/io/storage.h"
#include "engine/io/task.h"

namespace engine::qcow2 {

/// Something that keeps changes of the file in memory: a member of a WriteOrder.
class WriteBack {
 public:
  virtual ~WriteBack() = default;
  /// Whether there is anything to write.
  virtual bool dirty() const = 0;
  /// Writes all of it; on failure what was not written stays dirty.
  virtual io::Task<void> write_back() = 0;

  /// Whether something was written that may not be durable yet.
  bool in_page_cache() const { return in_page_cache_; }
  void note_written() { in_page_cache_ = true; }

 private:
  friend class WriteOrder;
  bool in_page_cache_ = false;
};

/// Guest data as a member of the order: it is never held back, only noted when it has been written.
class DataWrites final : public WriteBack {
 public:
  bool dirty() const override { return false; }
  io::Task<void> write_back() override { return io::Task<void>::ready(); }
};

/// Which changes must be durable before which others are written (ORDER.md), declared once as data;
/// afterwards nobody has to think of it: to write a member back writes all that must come before,
/// with a flush of the file wherever the order needs one and nowhere else. One coroutine at a time
/// may be in a write-back.
class WriteOrder {
 public:
  explicit WriteOrder(io::Storage& file) : file_(file) {}

  /// `before` must be durable before `after` is written. An order that contradicts what was
  /// declared earlier is a bug: the INVARIANT that there is no cycle fails.
  void declare(WriteBack& before, WriteBack& after);
  /// Whether `before` has to be durable before `after`, directly or through others.
  bool comes_before(const WriteBack& before, const WriteBack& after) const;

  /// Writes `last` back, after everything that comes before it.
  io::Task<void> write_back(WriteBack& last);
  /// Writes all members back. What was written last may not be durable yet.
  io::Task<void> write_back_all();
  /// Flushes the file.
  io::Task<void> make_durable();

 private:
  struct Edge {
    WriteBack* before;
    WriteBack* after;
  };
  void sort_members();
  io::Task<void> write_member(WriteBack& member);

  io::Storage& file_;
  std::vector<Edge> edges_;
  std::vector<WriteBack*> members_;  ///< sorted: nobody stands before one that comes before it
};

}  // namespace engine::qcow2
