// SPDX-License-Identifier: MIT
#include "engine/qcow2/info.h"

#include <array>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/qcow2/bitmap_store.h"
#include "engine/qcow2/bytes.h"
#include "engine/qcow2/header.h"
#include "engine/qcow2/image.h"
#include "engine/qcow2/snapshot_table.h"

namespace engine::qcow2 {
namespace {

using nlohmann::json;

constexpr std::uint64_t lazy_refcounts = 1;  // of the compatible features

io::Task<bool> looks_like_qcow2(io::Storage& file) {
  std::array<std::byte, sizeof(std::uint32_t)> magic{};
  const std::span<std::byte> bytes(magic);
  const HostOffset start{0};
  co_await file.read(start, bytes);
  co_return load_big<std::uint32_t>(magic.data()) == Header::magic;
}

json described(const StoredBitmap& bitmap) {
  json flags = json::array();
  if (bitmap.in_use) flags.push_back("in-use");
  if (bitmap.auto_record) flags.push_back("auto");
  return {{"name", bitmap.name}, {"granularity", bitmap.granularity.bytes()}, {"flags", flags}};
}

json described(const Snapshot& snapshot) {
  constexpr std::uint64_t second = 1'000'000'000;
  json told{{"id", snapshot.id},
            {"name", snapshot.name},
            {"vm-state-size", static_cast<std::int64_t>(snapshot.vm_state_size)},
            {"date-sec", snapshot.date_sec},
            {"date-nsec", snapshot.date_nsec},
            {"vm-clock-sec", snapshot.vm_clock_nsec / second},
            {"vm-clock-nsec", snapshot.vm_clock_nsec % second}};
  if (snapshot.icount != Snapshot::no_icount) {
    told["icount"] = static_cast<std::int64_t>(snapshot.icount);
  }
  return told;
}

json format_specific(const Header& header, const std::vector<StoredBitmap>& bitmaps) {
  json data{{"compat", header.version < 3 ? "0.10" : "1.1"},
            {"compression-type", header.compression_type == 0 ? "zlib" : "zstd"},
            {"refcount-bits", header.refcount_bits()}};
  if (header.version >= 3) {
    data["lazy-refcounts"] = (header.compatible_features & lazy_refcounts) != 0;
    data["corrupt"] = header.has(incompatible::corrupt);
    data["extended-l2"] = false;
  }
  for (const StoredBitmap& bitmap : bitmaps) data["bitmaps"].push_back(described(bitmap));
  return {{"type", "qcow2"}, {"data", data}};
}

/// Where a backing file is looked for that the header of `overlay` names `backing`.
std::string place_of_backing(const std::string& overlay, const std::string& backing) {
  const std::size_t colon = backing.find(':');
  const bool has_protocol = colon != std::string::npos && colon < backing.find('/');
  if (has_protocol || backing.starts_with('/')) return backing;
  // Without a slash nothing of `overlay` is taken.
  return overlay.substr(0, overlay.rfind('/') + 1) + backing;
}

void add_header(json& info, const Header& header, const std::string& path) {
  info["virtual-size"] = header.size.value;
  info["cluster-size"] = header.cluster_size().value;
  info["dirty-flag"] = header.has(incompatible::dirty);
  if (header.backing_file.empty()) return;
  info["backing-filename"] = header.backing_file;
  info["full-backing-filename"] = place_of_backing(path, header.backing_file);
  if (!header.backing_format.empty()) info["backing-filename-format"] = header.backing_format;
}

}  // namespace

io::Task<json> image_info(io::Runtime& runtime, io::Host& host, InfoRequest request) {
  const std::unique_ptr<io::Storage> file =
      co_await host.open(request.path, io::Access::read_only, request.locking);
  if (request.format.empty()) {
    const bool qcow2 = co_await looks_like_qcow2(*file);
    request.format = qcow2 ? "qcow2" : "raw";
  }
  json info{{"filename", request.path},
            {"format", request.format},
            {"actual-size", file->allocated_size().value},
            {"virtual-size", round_up(file->size().value, 512)},
            {"dirty-flag", false}};
  if (request.format == "raw") co_return info;
  if (request.format != "qcow2") throw Refusal("Unknown driver '" + request.format + "'");
  const CacheSizes caches;
  const std::unique_ptr<Image> image =
      co_await Image::open(runtime, *file, caches, request.purpose);
  BitmapStore store(*image);
  const std::vector<StoredBitmap> bitmaps = co_await store.load(BitmapStore::Contents::leave);
  add_header(info, image->header(), request.path);
  if (request.purpose == OpenFor::use) {
    const SnapshotTable table = co_await read_snapshot_table(*file, image->header());
    for (const Snapshot& snapshot : table.snapshots)
      info["snapshots"].push_back(described(snapshot));
  }
  info["format-specific"] = format_specific(image->header(), bitmaps);
  co_return info;
}

}  // namespace engine::qcow2
