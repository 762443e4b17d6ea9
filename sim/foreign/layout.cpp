// SPDX-License-Identifier: MIT
#include "sim/foreign/layout.h"

#include <algorithm>
#include <bit>
#include <map>

#include "sim/foreign/bytes.h"
#include "sim/foreign/compress.h"
#include "sim/foreign/disk.h"
#include "sim/foreign/header.h"
#include "sim/foreign/patches.h"

namespace sim::foreign {

namespace {

constexpr std::uint64_t copied_flag = std::uint64_t{1} << 63;
constexpr std::uint64_t compressed_flag = std::uint64_t{1} << 62;
constexpr std::uint64_t sector = 512;

/// Lays out an image: gives everything its clusters, one after the other, and counts references.
class Layout {
 public:
  explicit Layout(const Image& image) : image_(image), disk_(disk_of(image)) {}

  File file() {
    take(1);  // the header's
    for (const auto& cell : disk_.cells) place(*cell);
    place_tables();
    place_snapshots();
    places_.bitmaps = place_bitmaps();
    take(image_.leaked);
    for (const Cell* lost : lost_cells(image_, disk_)) counts_[entries_[lost] / size()] = 0;
    place_refcounts();
    put(0, header_bytes(image_, places_));
    file_.size = counts_.size() * size();
    const TablePlaces tables{places_, first_l2_, first_block_};
    for (const TablePatch& patch : image_.patches) apply(file_, tables, patch);
    return std::move(file_);
  }

 private:
  std::uint64_t size() const { return image_.cluster_size(); }
  std::uint64_t clusters_for(std::uint64_t bytes) const { return (bytes + size() - 1) / size(); }

  /// The next clusters, referred to once.
  std::uint64_t take(std::uint64_t clusters) {
    const std::uint64_t place = counts_.size() * size();
    counts_.resize(counts_.size() + clusters, 1);
    return place;
  }
  void put(std::uint64_t place, Bytes bytes) { file_.pieces.push_back({place, std::move(bytes)}); }
  /// Bytes in new clusters of their own. At least one.
  std::uint64_t put_new(Bytes bytes) {
    const std::uint64_t place = take(std::max<std::uint64_t>(clusters_for(bytes.size()), 1));
    put(place, std::move(bytes));
    return place;
  }
  void count(std::uint64_t place, std::uint64_t references) {
    counts_[place / size()] = references;
  }

  /// Decides what L2 tables say of the cell.
  void place(const Cell& cell) {
    std::uint64_t& entry = entries_[&cell];
    if (cell.kind == Kind::zeros) entry = 1;
    if (cell.kind == Kind::zeros) return;
    if (cell.kind == Kind::compressed) return pack(cell, entry);
    // A zero cluster keeps what it held.
    const std::byte held{cell.kind == Kind::data ? cell.byte : std::uint8_t{0xee}};
    entry = put_new(Bytes(size(), held));
    count(entry, cell.references);
    if (cell.kind == Kind::mapped_zeros) entry |= 1;
  }

  /// Compressed clusters lie one after the other, wherever they begin.
  void pack(const Cell& cell, std::uint64_t& entry) {
    const Bytes bytes = compressed(size(), cell.byte, image_.zstd);
    if (!has_room(bytes.size(), cell.references)) {
      pack_at_ = take(1);
      counts_[pack_at_ / size()] = 0;
    }
    const std::uint64_t place = pack_at_, first = place / size();
    pack_at_ += bytes.size();
    const std::uint64_t last = (pack_at_ - 1) / size();
    if (last >= counts_.size()) counts_.resize(last + 1, 0);
    for (std::uint64_t at = first; at <= last; ++at) counts_[at] += cell.references;
    const std::uint64_t sectors = (pack_at_ - 1) / sector - place / sector;
    entry = compressed_flag | sectors << (62 - (image_.cluster_bits - 8)) | place;
    put(place, bytes);
  }
  /// Whether it can go where the last one ended.
  bool has_room(std::uint64_t length, unsigned references) const {
    const std::uint64_t within = pack_at_ % size();
    if (within == 0) return false;  // also if there is none yet
    const std::uint64_t cluster = pack_at_ / size();
    const bool is_last = cluster + 1 == counts_.size();
    if (within + length > size() && !is_last) return false;
    const unsigned order = image_.refcount_order;
    return order > 5 || (counts_[cluster] + references) >> (1u << order) == 0;
  }

  /// What an L2 table holds; the flags are the active disk's.
  Bytes bytes_of(const Table& table) {
    Bytes bytes(size());
    for (const auto& [cluster, cell] : table) {
      const bool has_place = cell->kind == Kind::data || cell->kind == Kind::mapped_zeros;
      const bool owned = has_place && cell->references == 1;
      const std::uint64_t index = cluster & (size() / 8 - 1);
      put_number(bytes, index * 8, entries_[cell.get()] | (owned ? copied_flag : 0), 8);
    }
    return bytes;
  }
  std::uint64_t l1_entries() const {
    const unsigned shift = 2 * image_.cluster_bits - 3;
    return ((image_.size + (std::uint64_t{1} << shift) - 1) >> shift) + image_.spare_l1;
  }
  /// An L1 table. Each L2 table is written once, and counted as often as it is in one.
  std::uint64_t put_l1(const Tables& tables, std::uint64_t entries, bool active) {
    Bytes bytes(entries * 8);
    for (const auto& [index, table] : tables) {
      std::uint64_t& place = l2_places_[table.get()];
      if (place == 0) {
        place = put_new(bytes_of(*table));
        if (first_l2_ == 0) first_l2_ = place;
        count(place, static_cast<std::uint64_t>(uses_of(table.get())));
      }
      const bool owned = active && uses_of(table.get()) == 1;
      put_number(bytes, index * 8, place | (owned ? copied_flag : 0), 8);
    }
    return put_new(std::move(bytes));
  }
  std::uint64_t uses_of(const Table* table) const {
    const auto holds = [table](const Tables& tables) {
      return std::ranges::any_of(tables,
                                 [table](const auto& each) { return each.second.get() == table; });
    };
    return static_cast<std::uint64_t>(std::ranges::count_if(disk_.snapshots, holds)) +
           (holds(disk_.active) ? 1 : 0);
  }
  void place_tables() {
    places_.l1_entries = l1_entries();
    places_.l1 = put_l1(disk_.active, places_.l1_entries, true);
    for (const Tables& each : disk_.snapshots)
      snapshot_l1_.push_back(put_l1(each, l1_entries() - image_.spare_l1, false));
  }

  void place_snapshots() {
    places_.snapshots = static_cast<std::uint32_t>(snapshot_l1_.size());
    if (places_.snapshots == 0) return;
    Bytes table;
    unsigned number = 0;
    for (const auto& step : image_.history) {
      const auto* taken = std::get_if<Snapshot>(&step);
      if (taken == nullptr) continue;
      const std::uint64_t l1 = snapshot_l1_[number++];
      append_snapshot(table, image_, *taken, {number, l1, l1_entries() - image_.spare_l1});
    }
    places_.snapshot_table = put_new(std::move(table));
  }

  /// The bits of a part of a bitmap that one cluster holds; what its table says of that part.
  std::uint64_t place_bits(const Bytes& bits, std::uint64_t count, std::uint64_t cluster) {
    const std::uint64_t first = cluster * size();
    const std::uint64_t end = std::min<std::uint64_t>(first + size(), bits.size());
    const std::uint64_t bits_here = std::min(count - first * 8, size() * 8);
    std::uint64_t set = 0;
    for (std::uint64_t at = first; at < end; ++at)
      set += static_cast<std::uint64_t>(std::popcount(std::to_integer<unsigned>(bits[at])));
    if (set == 0) return 0;
    // All ones. QEMU sets whole words then, so that bits past the end would count in its hash.
    if (set == bits_here && set % 64 == 0) return 1;
    return put_new({bits.begin() + static_cast<std::ptrdiff_t>(first),
                    bits.begin() + static_cast<std::ptrdiff_t>(end)});
  }
  BitmapPlace place_bitmap(const Bitmap& bitmap) {
    const std::uint64_t granules =
        (image_.size + (std::uint64_t{1} << bitmap.granularity_bits) - 1) >>
        bitmap.granularity_bits;
    const Bytes bits = bits_of(image_, bitmap);
    Bytes table;
    for (std::uint64_t i = 0; i < clusters_for(bits.size()); ++i) {
      const std::uint64_t entry = place_bits(bits, granules, i);
      table.resize(table.size() + 8);
      put_number(table, i * 8, entry, 8);
    }
    const auto entries = static_cast<std::uint32_t>(table.size() / 8);
    return {put_new(std::move(table)), entries};
  }
  Place place_bitmaps() {
    if (image_.bitmaps.empty()) return {};
    Bytes directory;
    for (const Bitmap& each : image_.bitmaps) append_bitmap(directory, each, place_bitmap(each));
    const std::uint64_t length = directory.size();
    return {put_new(std::move(directory)), length};
  }

  /// Blocks, then the table, which count themselves.
  void place_refcounts() {
    const std::uint64_t per_block = size() * 8 >> image_.refcount_order;
    std::uint64_t blocks = 0, table = 1;
    for (std::uint64_t before = 0; before != blocks + table;) {
      before = blocks + table;
      blocks = (counts_.size() + before + per_block - 1) / per_block;
      table = std::max<std::uint64_t>(clusters_for(blocks * 8), 1);
    }
    first_block_ = take(blocks);
    places_.refcount_table = take(table);
    places_.refcount_clusters = static_cast<std::uint32_t>(table);
    Bytes table_bytes(blocks * 8);
    for (std::uint64_t i = 0; i < blocks; ++i) {
      put(first_block_ + i * size(), block_bytes(i * per_block, per_block));
      put_number(table_bytes, i * 8, first_block_ + i * size(), 8);
    }
    put(places_.refcount_table, std::move(table_bytes));
  }
  Bytes block_bytes(std::uint64_t first, std::uint64_t count) const {
    Bytes bytes(size());
    for (std::uint64_t i = 0; i < count && first + i < counts_.size(); ++i)
      put_refcount(bytes, i, image_.refcount_order, counts_[first + i]);
    return bytes;
  }

  const Image& image_;
  const Disk disk_;
  File file_;
  Places places_;
  std::vector<std::uint64_t> counts_;             ///< references of each cluster of the file
  std::map<const Cell*, std::uint64_t> entries_;  ///< in L2 tables, without flags
  std::map<const Table*, std::uint64_t> l2_places_;
  std::vector<std::uint64_t> snapshot_l1_;
  std::uint64_t first_l2_ = 0, first_block_ = 0;
  std::uint64_t pack_at_ = 0;  ///< where the next compressed cluster goes
};

}  // namespace

File file_of(const Image& image) { return Layout(image).file(); }

}  // namespace sim::foreign
