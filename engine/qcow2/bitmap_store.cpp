// SPDX-License-Identifier: MIT
#include "engine/qcow2/bitmap_store.h"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <limits>
#include <set>

#include "engine/error.h"
#include "engine/qcow2/bitmap_directory.h"
#include "engine/qcow2/bitmap_table.h"
#include "engine/qcow2/header.h"
#include "engine/qcow2/image.h"

namespace engine::qcow2 {
namespace {

using Entries = std::vector<BitmapDirectoryEntry>;

constexpr const char* too_much_space =
    "Too much space will be occupied by the bitmap. Use larger granularity";

/// The bitmaps extension, unless a writer that does not know it has invalidated it.
const BitmapsExtension* valid_extension(const Header& header) {
  const bool valid = (header.autoclear_features & autoclear::bitmaps) != 0;
  return header.bitmaps && valid ? &*header.bitmaps : nullptr;
}

Entries::iterator find_entry(Entries& entries, const std::string& name) {
  return std::ranges::find(entries, name, &BitmapDirectoryEntry::name);
}

ByteCount bits_on_disk(ByteCount disk_size, bitmap::Granularity granularity,
                       ByteCount cluster_size) {
  return cluster_size * bitmap_table_entries(disk_size, granularity.bytes(), cluster_size);
}

/// The header that names this directory, or none if there are no bitmaps.
Header with_directory(const Header& header, const Entries& entries, HostOffset offset) {
  Header changed = header;
  changed.bitmaps.reset();
  changed.autoclear_features &= ~autoclear::bitmaps;
  if (entries.empty()) return changed;
  BitmapsExtension extension;
  extension.nb_bitmaps = static_cast<std::uint32_t>(entries.size());
  for (const BitmapDirectoryEntry& entry : entries) {
    extension.directory_size += entry.encoded_size();
  }
  extension.directory_offset = offset;
  changed.bitmaps = extension;
  changed.autoclear_features |= autoclear::bitmaps;
  return changed;
}

/// Refuses what may not or cannot be put in the directory, before anything is written.
void check_can_store(const BitmapToStore& bitmap, Entries& entries, ByteCount cluster_size) {
  const auto there = find_entry(entries, bitmap.name);
  if (there != entries.end() && !there->in_use()) {
    throw Refusal("Bitmap '" + bitmap.name + "' already exists in the image");
  }
  // A disk of no size: neither QEMU nor the format can store a bitmap without a table.
  if (bitmap.bits->granules() == 0) throw Refusal("No memory");
  const ByteCount size =
      bits_on_disk(bitmap.bits->disk_size(), bitmap.bits->granularity(), cluster_size);
  if (size > max_bitmap_bytes) {
    throw Refusal("Bitmap '" + bitmap.name +
                  "' doesn't satisfy the constraints: " + too_much_space);
  }
}

}  // namespace

struct BitmapStore::Clusters {
  struct Run {
    HostOffset first;
    std::uint64_t count;
  };
  std::vector<Run> runs;
};

io::Task<std::vector<std::byte>> BitmapStore::read_bytes(HostOffset offset, ByteCount size) {
  constexpr std::uint64_t last = std::numeric_limits<std::int64_t>::max();
  if (offset.value > last - size.value) throw IoError(EIO);
  std::vector<std::byte> bytes(size.value);
  co_await image_.file().read(offset, bytes);
  co_return bytes;
}

io::Task<std::vector<std::byte>> BitmapStore::read_directory_bytes() {
  const BitmapsExtension* extension = valid_extension(image_.header());
  if (extension == nullptr) co_return std::vector<std::byte>();
  try {
    co_return co_await read_bytes(extension->directory_offset, extension->directory_size);
  } catch (const IoError& error) {
    throw IoError(error.code(), "Failed to read bitmap directory");
  }
}

io::Task<Entries> BitmapStore::read_directory() {
  const std::vector<std::byte> bytes = co_await read_directory_bytes();
  const BitmapLimits limits{image_.cluster_size(), image_.length()};
  const BitmapsExtension* extension = valid_extension(image_.header());
  co_return decode_bitmap_directory(bytes, extension != nullptr ? extension->nb_bitmaps : 0,
                                    limits);
}

io::Task<std::vector<BitmapTableEntry>> BitmapStore::read_table(const BitmapDirectoryEntry& entry) {
  try {
    const ByteCount size{std::uint64_t{entry.table_entries} * sizeof(std::uint64_t)};
    const std::vector<std::byte> bytes = co_await read_bytes(entry.table_offset, size);
    std::vector<BitmapTableEntry> table = decode_bitmap_table(bytes);
    for (BitmapTableEntry cluster : table) {
      if (!cluster.valid(image_.cluster_size())) throw IoError(EINVAL);
    }
    co_return table;
  } catch (const IoError& error) {
    throw IoError(error.code(),
                  "Could not read bitmap_table table from image for bitmap '" + entry.name + "'");
  }
}

io::Task<std::vector<BitmapTableEntry>> BitmapStore::read_whole_table(
    const BitmapDirectoryEntry& entry) {
  std::vector<BitmapTableEntry> table = co_await read_table(entry);
  const std::uint64_t granularity = std::uint64_t{1} << entry.granularity_bits;
  const std::uint64_t expected =
      bitmap_table_entries(image_.length(), granularity, image_.cluster_size());
  if (table.size() == expected) co_return table;
  throw IoError(EINVAL, "Could not read bitmap '" + entry.name + "' from image");
}

io::Task<bitmap::DirtyBits> BitmapStore::read_bits(const BitmapDirectoryEntry& entry) {
  const std::vector<BitmapTableEntry> table = co_await read_whole_table(entry);
  const auto granularity = bitmap::Granularity::from_bits(entry.granularity_bits);
  try {
    bitmap::DirtyBits bits(image_.length(), granularity);
    co_await read_data(table, bits);
    co_return bits;
  } catch (const IoError& error) {
    throw IoError(error.code(), "Could not read bitmap '" + entry.name + "' from image");
  }
}

io::Task<void> BitmapStore::read_data(const std::vector<BitmapTableEntry>& table,
                                      bitmap::DirtyBits& bits) {
  const std::uint64_t cluster_size = image_.cluster_size().value;
  for (std::uint64_t i = 0; i < table.size(); ++i) {
    const std::uint64_t first = i * cluster_size;
    const ByteCount size{std::min(cluster_size, bits.byte_count() - first)};
    if (table[i].is_all_one()) {
      const GuestOffset start{(first * 8) << bits.granularity().bits()};
      const ByteCount covered{(size.value * 8) << bits.granularity().bits()};
      bits.set(start, std::min(covered, bits.disk_size() - ByteCount{start.value}));
    } else if (table[i].is_data()) {
      const std::vector<std::byte> bytes = co_await read_bytes(table[i].offset(), size);
      bits.read_bytes(first, bytes);
    }
  }
}

io::Task<std::vector<StoredBitmap>> BitmapStore::load(Contents contents) {
  const Entries entries = co_await read_directory();
  std::set<std::string> names;
  std::vector<StoredBitmap> bitmaps;
  for (const BitmapDirectoryEntry& entry : entries) {
    const bool new_name = names.insert(entry.name).second;
    // As QEMU has it, which finds the first one in memory already.
    if (!new_name && entry.in_use()) continue;
    if (!new_name) throw Refusal("Bitmap already exists: " + entry.name);
    StoredBitmap bitmap{entry.name, bitmap::Granularity::from_bits(entry.granularity_bits),
                        entry.auto_record(), entry.in_use(), std::nullopt};
    if (!entry.in_use() && contents == Contents::read) bitmap.bits = co_await read_bits(entry);
    if (!entry.in_use() && contents == Contents::leave) co_await read_whole_table(entry);
    bitmaps.push_back(std::move(bitmap));
  }
  co_return bitmaps;
}

io::Task<void> BitmapStore::mark_in_use(const std::vector<std::string>& names) {
  std::vector<std::byte> directory = co_await read_directory_bytes();
  if (!set_in_use(directory, names)) co_return;
  Header header = image_.header();
  try {
    header.autoclear_features &= ~autoclear::bitmaps;
    co_await image_.write_header(header);
    co_await image_.file().write(header.bitmaps->directory_offset, directory);
    co_await image_.file().flush();
    header.autoclear_features |= autoclear::bitmaps;
    co_await image_.write_header(header);
  } catch (const IoError& error) {
    throw IoError(error.code(), "Can't update bitmap directory");
  }
}

void BitmapStore::check_can_add(const std::string& name, bitmap::Granularity granularity,
                                std::uint64_t persistent_count,
                                std::uint64_t directory_bytes) const {
  if (image_.header().version < 3) {
    throw Refusal("Cannot store dirty bitmaps in qcow2 v2 files");
  }
  if (bits_on_disk(image_.length(), granularity, image_.cluster_size()) > max_bitmap_bytes) {
    throw Refusal(too_much_space);
  }
  if (name.size() > max_bitmap_name_length) {
    throw Refusal("Name length exceeds maximum (" + std::to_string(max_bitmap_name_length) +
                  " characters)");
  }
  if (persistent_count >= max_bitmaps) {
    throw Refusal("Maximum number of persistent bitmaps is already reached");
  }
  const std::uint64_t added = BitmapDirectoryEntry::encoded_size(name.size()).value;
  if (directory_bytes + added > max_bitmap_directory_bytes.value) {
    throw Refusal("Not enough space in the bitmap directory");
  }
}

io::Task<void> BitmapStore::store(const std::vector<BitmapToStore>& bitmaps) {
  if (bitmaps.empty()) co_return;
  Entries entries = co_await read_directory();
  for (const BitmapToStore& bitmap : bitmaps) {
    check_can_store(bitmap, entries, image_.cluster_size());
  }
  co_await replace(bitmaps, std::move(entries));
}

io::Task<void> BitmapStore::remove(const std::string& name) {
  Entries entries = co_await read_directory();
  const auto entry = find_entry(entries, name);
  if (entry == entries.end()) co_return;
  const BitmapDirectoryEntry removed = *entry;
  entries.erase(entry);
  const std::vector<BitmapToStore> none;
  co_await replace(none, std::move(entries));
  co_await free_bitmap(removed);
  // The client was told that it is gone: a crash must not bring its clusters back as leaks (S15).
  co_await image_.flush_metadata();
}

io::Task<std::vector<std::string>> BitmapStore::read_names() {
  std::vector<std::string> names;
  const Entries entries = co_await read_directory();
  for (const BitmapDirectoryEntry& entry : entries) names.push_back(entry.name);
  co_return names;
}

/// Makes `entries`, with these bitmaps put in, the image's directory, and frees what that replaces.
io::Task<void> BitmapStore::replace(const std::vector<BitmapToStore>& bitmaps, Entries entries) {
  const Entries old_entries = entries;
  const BitmapsExtension* old_extension = valid_extension(image_.header());
  Clusters old_directory;
  if (old_extension != nullptr) {
    const std::uint64_t count =
        units_for(old_extension->directory_size.value, image_.cluster_size().value);
    old_directory.runs.push_back({old_extension->directory_offset, count});
  }
  Clusters made;
  std::exception_ptr failure;
  try {
    co_await write_bitmaps(bitmaps, entries, made);
    co_await switch_directory(entries, made);
  } catch (const Refusal&) {
    failure = std::current_exception();
  }
  if (failure) {
    // The header on disk may name them. It is written again before anything else is.
    co_await free_all(made);
    std::rethrow_exception(failure);
  }
  co_await free_all(old_directory);
  for (const BitmapDirectoryEntry& entry : old_entries) {
    const bool replaced =
        std::ranges::find(bitmaps, entry.name, &BitmapToStore::name) != bitmaps.end();
    if (replaced) co_await free_bitmap(entry);
  }
}

io::Task<void> BitmapStore::write_bitmaps(std::vector<BitmapToStore> bitmaps, Entries& entries,
                                          Clusters& made) {
  // In the order of the directory, new ones last: the first that cannot be written is told.
  std::ranges::stable_sort(bitmaps, {}, [&entries](const BitmapToStore& bitmap) {
    return find_entry(entries, bitmap.name) - entries.begin();
  });
  for (const BitmapToStore& bitmap : bitmaps) {
    BitmapDirectoryEntry entry;
    try {
      entry = co_await write_bitmap(bitmap, made);
    } catch (const IoError& error) {
      throw IoError(error.code(), "Failed to write bitmap '" + bitmap.name + "' to file");
    }
    const auto there = find_entry(entries, bitmap.name);
    if (there != entries.end()) {
      *there = std::move(entry);
    } else {
      entries.push_back(std::move(entry));
    }
  }
}

io::Task<BitmapDirectoryEntry> BitmapStore::write_bitmap(const BitmapToStore& bitmap,
                                                         Clusters& made) {
  const std::vector<BitmapTableEntry> table = co_await write_data(*bitmap.bits, made);
  const std::vector<std::byte> bytes = encode_bitmap_table(table);
  BitmapDirectoryEntry entry;
  entry.table_offset = co_await write_new(bytes, made);
  entry.table_entries = static_cast<std::uint32_t>(table.size());
  entry.flags = bitmap.auto_record ? bitmap_flag::auto_record : 0;
  entry.granularity_bits = static_cast<std::uint8_t>(bitmap.bits->granularity().bits());
  entry.name = bitmap.name;
  co_return entry;
}

io::Task<std::vector<BitmapTableEntry>> BitmapStore::write_data(const bitmap::DirtyBits& bits,
                                                                Clusters& made) {
  const std::uint64_t cluster_size = image_.cluster_size().value;
  std::vector<BitmapTableEntry> table;
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(cluster_size);
  const std::span<std::byte> bytes(buffer.get(), cluster_size);
  for (std::uint64_t first = 0; first < bits.byte_count(); first += cluster_size) {
    if (bits.bytes_are_zero(first, cluster_size)) {
      table.push_back(BitmapTableEntry::all_zero());
      continue;
    }
    bits.write_bytes(first, bytes);
    const HostOffset offset = co_await write_new(bytes, made);
    table.push_back(BitmapTableEntry::data_at(offset));
  }
  co_return table;
}

/// Writes bytes to new clusters of their own.
io::Task<HostOffset> BitmapStore::write_new(std::span<const std::byte> bytes, Clusters& made) {
  const std::uint64_t count = units_for(bytes.size(), image_.cluster_size().value);
  const HostOffset first = co_await image_.allocate_clusters(count);
  made.runs.push_back({first, count});
  co_await image_.file().write(first, bytes);
  co_return first;
}

/// The moment of truth: what the bitmaps need is durable before the header names it.
io::Task<void> BitmapStore::switch_directory(const Entries& entries, Clusters& made) {
  try {
    HostOffset offset;
    // Whether it all fits is known before anything is written.
    const Header planned = with_directory(image_.header(), entries, offset);
    encode_header(planned);
    if (!entries.empty()) {
      const std::vector<std::byte> directory = encode_bitmap_directory(entries);
      offset = co_await write_new(directory, made);
    }
    co_await image_.flush_metadata();
    const Header header = with_directory(image_.header(), entries, offset);
    co_await image_.write_header(header);
  } catch (const IoError& error) {
    throw IoError(error.code(), "Failed to update bitmap extension");
  }
}

/// Frees what the image no longer needs. A failure costs only space: it is passed over.
io::Task<void> BitmapStore::free_all(const Clusters& clusters) {
  for (const Clusters::Run& run : clusters.runs) {
    try {
      co_await image_.free_clusters(run.first, run.count);
    } catch (const Refusal&) {
      continue;
    }
  }
}

io::Task<void> BitmapStore::free_bitmap(const BitmapDirectoryEntry& entry) {
  Clusters clusters;
  try {
    const std::vector<BitmapTableEntry> table = co_await read_table(entry);
    for (BitmapTableEntry cluster : table) {
      if (cluster.is_data()) clusters.runs.push_back({cluster.offset(), 1});
    }
    const std::uint64_t table_bytes = table.size() * sizeof(std::uint64_t);
    clusters.runs.push_back(
        {entry.table_offset, units_for(table_bytes, image_.cluster_size().value)});
  } catch (const Refusal&) {
    clusters.runs.clear();  // A broken table: what it names may belong to somebody else.
  }
  co_await free_all(clusters);
}

}  // namespace engine::qcow2
