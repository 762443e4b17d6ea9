// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <unordered_map>
#include <vector>

#include "engine/qcow2/bytes.h"
#include "engine/qcow2/write_order.h"

namespace engine::qcow2 {

/// Slices of L2 tables or of refcount blocks in a bounded amount of memory, as the file has them
/// (big-endian). Changes stay in memory until the write order writes them back, or until a changed
/// slice would have to give way: then all are written, in order, so that the price of the flushes
/// is shared. Only sectors that were changed are written.
///
/// One coroutine at a time may call load, create and write_back (the image's metadata mutex); find
/// may be called at any time. The bytes of a slice stay in place until the next load or create.
class TableCache final : public WriteBack {
 public:
  /// `order` is asked to write this cache back; whoever owns both declares the cache there.
  TableCache(io::Storage& file, WriteOrder& order, ByteCount slice_size, ByteCount memory);

  /// The bytes of a slice that is cached, or null.
  std::byte* find(HostOffset slice) {
    const auto found = index_.find(slice.value);
    if (found == index_.end()) return nullptr;
    Slot& slot = slots_[found->second];
    slot.used = true;
    return slot.bytes.get();
  }
  /// The bytes of a slice, read from the file if need be.
  io::Task<std::byte*> load(HostOffset slice);
  /// A slice whose place in the file is new: zeros, changed, not read.
  io::Task<std::byte*> create(HostOffset slice);
  /// Notes that these bytes of a cached slice were changed. Nothing may be awaited between the
  /// change and this.
  void mark_dirty(HostOffset slice, ByteSpan changed);
  /// Drops what is cached of a range that is no table any more, changed or not.
  void forget(HostOffset start, ByteCount length);
  std::size_t cached_slices() const { return index_.size(); }
  /// Changes whenever bytes that find() gave may have gone.
  std::uint64_t generation() const { return generation_; }

  bool dirty() const override { return !dirty_slots_.empty(); }
  io::Task<void> write_back() override;

 private:
  struct Slot {
    std::unique_ptr<std::byte[]> bytes;
    HostOffset slice;
    ByteSpan changed;  ///< covers all that was, empty if nothing was
    bool valid = false;
    bool used = false;
    bool dirty() const { return !changed.empty(); }
  };

  io::Task<std::byte*> load_missing(HostOffset slice);
  /// An empty, invalid slot; writes everything back if no unchanged one is left.
  io::Task<std::size_t> take_slot();
  /// The next unchanged slot that was not used lately; capacity_ if most are changed.
  std::size_t pick_victim();
  void drop(Slot& slot);
  void enter(std::size_t number, HostOffset slice);

  io::Storage& file_;
  WriteOrder& order_;
  ByteCount slice_size_;
  std::size_t capacity_;
  std::vector<Slot> slots_;
  std::unordered_map<std::uint64_t, std::size_t> index_;  ///< slice offset to slot number
  std::vector<std::size_t> dirty_slots_;
  std::vector<std::size_t> free_slots_;
  std::size_t hand_ = 0;
  std::uint64_t generation_ = 0;
};

}  // namespace engine::qcow2
