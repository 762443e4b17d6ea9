// SPDX-License-Identifier: MIT
#include "sim/foreign/header.h"

#include "sim/foreign/disk.h"

namespace sim::foreign {

namespace {

/// Appends numbers and texts.
class Writer {
 public:
  explicit Writer(Bytes& bytes) : bytes_(bytes) {}

  Writer& number(std::uint64_t value, unsigned length) {
    bytes_.resize(bytes_.size() + length);
    put_number(bytes_, bytes_.size() - length, value, length);
    return *this;
  }
  Writer& text(const std::string& text) {
    for (const char c : text) bytes_.push_back(static_cast<std::byte>(c));
    return *this;
  }
  Writer& pad() {
    bytes_.resize((bytes_.size() + 7) / 8 * 8);
    return *this;
  }

 private:
  Bytes& bytes_;
};

void append_fixed_part(Writer& writer, const Image& image, const Places& places) {
  writer.number(0x514649fb, 4).number(image.version, 4);
  writer.number(0, 8).number(0, 4);  // the backing file's name: see below
  writer.number(image.cluster_bits, 4).number(image.size, 8).number(0, 4);
  writer.number(places.l1_entries, 4).number(places.l1, 8);
  writer.number(places.refcount_table, 8).number(places.refcount_clusters, 4);
  writer.number(places.snapshots, 4).number(places.snapshot_table, 8);
  if (image.version < 3) return;
  const std::uint64_t autoclear = image.autoclear | (image.bitmaps.empty() ? 0 : 1);
  writer.number(image.incompatible, 8).number(image.compatible, 8).number(autoclear, 8);
  writer.number(image.refcount_order, 4);
  // Who knew one compression only had a shorter header.
  const bool old = !image.zstd && image.fields == 0;
  writer.number(old ? 104 : 112 + image.fields, 4);
  if (!old) writer.number(image.zstd ? 1 : 0, 1).pad().text(std::string(image.fields, 'y'));
}

void append_extensions(Writer& writer, const Image& image, const Places& places) {
  for (const Extension& each : image.extensions) {
    writer.number(each.type, 4).number(each.length, 4);
    writer.text(std::string(each.length, 'x')).pad();
  }
  if (!image.feature_names.empty()) {
    writer.number(0x6803f857, 4).number(image.feature_names.size() * 48, 4);
    for (const auto& [bit, name] : image.feature_names)
      writer.number(0, 1).number(bit, 1).text(name + std::string(46 - name.size(), '\0'));
  }
  const std::string& format = image.backing_format;
  if (!format.empty()) writer.number(0xe2792aca, 4).number(format.size(), 4).text(format).pad();
  if (!image.bitmaps.empty()) {
    writer.number(0x23852875, 4).number(24, 4);
    writer.number(image.bitmaps.size(), 4).number(0, 4);
    writer.number(places.bitmaps.length, 8).number(places.bitmaps.start, 8);
  }
  writer.number(0, 8);
}

}  // namespace

Bytes header_bytes(const Image& image, const Places& places) {
  Bytes bytes;
  Writer writer(bytes);
  append_fixed_part(writer, image, places);
  append_extensions(writer, image, places);
  if (image.backing_file.empty()) return bytes;
  put_number(bytes, 8, bytes.size(), 8);
  put_number(bytes, 16, image.backing_file.size(), 4);
  writer.text(image.backing_file);
  return bytes;
}

void append_snapshot(Bytes& table, const Image& image, const Snapshot& snapshot, L1Place l1) {
  Writer writer(table);
  const std::string id = std::to_string(l1.number);
  writer.pad().number(l1.start, 8).number(l1.entries, 4);
  writer.number(id.size(), 2).number(snapshot.name.size(), 2);
  writer.number(0, 4).number(0, 4).number(0, 8).number(0, 4).number(snapshot.extra, 4);
  Bytes extra;
  // The length of a saved machine, that of the disk, and that nobody counted instructions.
  Writer(extra).number(0, 8).number(image.size, 8).number(~std::uint64_t{0}, 8);
  extra.resize(snapshot.extra);
  table.insert(table.end(), extra.begin(), extra.end());
  writer.text(id).text(snapshot.name).pad();
}

void append_bitmap(Bytes& directory, const Bitmap& bitmap, BitmapPlace place) {
  Writer writer(directory);
  const unsigned flags = (bitmap.in_use ? 1 : 0) | (bitmap.automatic ? 2 : 0);
  writer.number(place.table, 8).number(place.entries, 4).number(flags, 4);
  writer.number(1, 1).number(bitmap.granularity_bits, 1).number(bitmap.name.size(), 2);
  writer.number(0, 4).text(bitmap.name).pad();
}

Bytes bits_of(const Image& image, const Bitmap& bitmap) {
  const unsigned shift = bitmap.granularity_bits;
  const std::uint64_t granules = (image.size + (std::uint64_t{1} << shift) - 1) >> shift;
  Bytes bits((granules + 7) / 8);
  for (const auto& [first, end] : dirty_granules(image, bitmap)) {
    for (std::uint64_t at = first; at < end; ++at) bits[at / 8] |= std::byte{1} << at % 8;
  }
  return bits;
}

}  // namespace sim::foreign
