// SPDX-License-Identifier: MIT
#include <bit>
#include <set>
#include <sstream>

#include "model/model.h"
#include "model/parts.h"

namespace model {

using nlohmann::json;

namespace {

struct Damage {
  std::string what, why;
};

/// How many bitmaps the header says that there are.
Number claimed_bitmaps(const Image& image) {
  return image.directory.size() ^ (image.damaged.contains("bitmap-count") ? 4 : 0);
}

/// What a bitmap takes in the directory.
Number entry_bytes(const StoredBitmap& bitmap) { return (24 + bitmap.name.size() + 7) / 8 * 8; }

std::string hex(Number number) {
  std::ostringstream text;
  text << std::hex << number;
  return text.str();
}

/// M68
std::string unknown_features(const Image& image) {
  Number unnamed = image.unknown_features;
  std::string names;
  for (const auto& [bit, name] : image.feature_names) {
    const Number mask = Number{1} << bit;
    if ((unnamed & mask) != 0) names += (names.empty() ? "" : ", ") + name;
    unnamed &= ~mask;
  }
  if (unnamed == 0) return names;
  return names + (names.empty() ? "" : ", ") + "Unknown incompatible feature: " + hex(unnamed);
}

/// M68, M70, M71: in the order in which a header is read; nothing said is no trouble.
std::vector<Damage> header_damages(const Image& image, bool writable) {
  const bool zstd_feature = image.damaged.contains("compression-feature");
  const int type = image.damaged.contains("compression-type") +
                   2 * image.damaged.contains("compression-unknown");
  const Number entries = (Number{1} << 52) / image.cluster * 8 / image.cluster;
  const std::string must = "qcow2: Compression type incompatible feature bit must ";
  const std::string unknown = "Unsupported qcow2 feature(s): ";
  return {{"version", "Unsupported qcow2 version " + std::to_string(image.version + 4)},
          {"cluster-bits",
           "Unsupported cluster size: 2^" + std::to_string(std::countr_zero(image.cluster) ^ 32)},
          {"header-too-long", "qcow2 header exceeds cluster size"},
          {"header-too-short", "qcow2 header too short"},
          {"backing-offset", "Invalid backing file offset"},
          {"compression-unknown", "qcow2: unknown compression type: " + std::to_string(type)},
          {"compression-feature", type == 0 ? must + "not be set" : ""},
          {"compression-type", zstd_feature ? "" : must + "be set"},
          {"unknown-feature", unknown + unknown_features(image)},
          {"corrupt", writable ? "qcow2: Image is corrupt; cannot be opened read/write" : ""},
          {"refcount-width", "Reference count entry width too large; may not exceed 64 bits"},
          {"encryption", "Unsupported encryption method 7"},
          {"refcount-table-size", "Reference count table too large"},
          {"refcount-table-offset", "Reference count table offset invalid"},
          {"snapshot-count", "Snapshot table too large"},
          {"snapshot-offset", "Snapshot table offset invalid"},
          {"l1-size", "Active L1 table too large"},
          {"l1-offset", "Active L1 table offset invalid"},
          {"disk-size", entries >> 31 != 0 ? "Image is too big" : "L1 table is too small"}};
}

/// S53: the header's extension of bitmaps, read after the header, and what is read after that.
std::vector<Damage> extension_damages(const Image& image) {
  const Number count = claimed_bitmaps(image);
  const std::string many = std::to_string(count + 65536);
  return {{"bitmap-extension-length", "bitmaps_ext: Invalid extension length"},
          {"bitmap-reserved", "bitmaps_ext: Reserved field is not zero"},
          {"bitmap-excess", "bitmaps_ext: Image has " + many +
                                " bitmaps, exceeding the QEMU supported maximum of 65535"},
          {"bitmap-count", count == 0 ? "found bitmaps extension with zero bitmaps" : ""},
          {"bitmap-directory-offset", "bitmaps_ext: invalid bitmap directory offset"},
          {"backing-length", image.backing.empty() ? "" : "Backing file name too long"}};
}

/// S53: broken is the first entry of the directory. What is in use is not read (S48), so its table
/// does not matter.
std::vector<Damage> bitmap_damages(const Image& image) {
  if (image.directory.empty()) return {};
  const StoredBitmap& first = image.directory.front();
  const std::string name = "'" + first.name + "'";
  const std::string unfit = "Bitmap " + name + " doesn't satisfy the constraints";
  const bool more = claimed_bitmaps(image) < image.directory.size();
  Number bytes = 0;
  for (const StoredBitmap& each : image.directory) bytes += entry_bytes(each);
  if (image.damaged.contains("bitmap-directory")) bytes ^= 8;
  const std::string broken = "Broken bitmap directory";
  const std::string found = " bitmaps found than specified in header extension";
  return {
      {"bitmap-directory", bytes < entry_bytes(first) ? broken : ""},
      {"bitmap-name-size", broken},
      {"bitmap-extra",
       bytes < entry_bytes(first) + 8 ? broken : "Bitmap extra data is not supported"},
      {"bitmap-table-offset", unfit},
      {"bitmap-table-size", unfit},
      {"bitmap-flags", unfit},
      {"bitmap-type", unfit},
      {"bitmap-granularity", unfit},
      {"bitmap-count", more ? "More" + found : ""},
      {"bitmap-directory", broken},
      {"bitmap-count", "Less" + found},
      {"bitmap-table", first.in_use ? ""
                                    : "Could not read bitmap_table table from image for bitmap " +
                                          name + ": Invalid argument"}};
}

/// Whether an image, or what is none, has something to damage.
bool has(const Image* image, const std::string& what, bool of_bitmaps) {
  static const std::set<std::string> of_version_3{
      "unknown-feature", "compression-feature", "compression-type", "compression-unknown",
      "refcount-width",  "header-too-short",    "header-too-long"};
  if (image == nullptr || image->format != "qcow2") return false;
  return of_bitmaps ? !image->directory.empty()
                    : image->version == 3 || !of_version_3.contains(what);
}

}  // namespace

std::string trouble_of(const Image& image, bool writable) {
  if (image.damaged.empty()) return {};
  for (const auto& damages :
       {header_damages(image, writable), extension_damages(image), bitmap_damages(image)}) {
    for (const Damage& damage : damages)
      if (image.damaged.contains(damage.what) && !damage.why.empty()) return damage.why;
  }
  return {};
}

json damage_image(State& state, const std::string& file, const std::string& what) {
  const auto found = state.files.find(file);
  const bool of_bitmaps = what == "autoclear" || what.starts_with("bitmap-");
  Image* image = found == state.files.end() ? nullptr : &found->second;
  if (!has(image, what, of_bitmaps))
    return error_reply({of_bitmaps ? "no bitmaps to damage" : "no such field to damage"});
  if (what == "autoclear")
    image->directory.clear(), image->strange = true;
  else if (what == "unknown-feature" && (image->unknown_features ^= 0x20) != 0)
    image->damaged.insert(what);
  else if (image->damaged.erase(what) == 0)
    image->damaged.insert(what);
  return {{"return", json::object()}};
}

}  // namespace model
