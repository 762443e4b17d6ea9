// SPDX-License-Identifier: MIT
#include <algorithm>
#include <bit>
#include <charconv>
#include <functional>
#include <map>
#include <optional>

#include "sim/foreign/disk.h"
#include "sim/foreign/image.h"
#include "sim/foreign/patches.h"

namespace sim::foreign {

namespace {

/// What an image may take: tests are short.
constexpr std::uint64_t most_bytes = std::uint64_t{1} << 26;
constexpr std::uint64_t most_clusters = 32768;

[[noreturn]] void malformed(const std::string& expected, const std::string& found) {
  throw Malformed{expected, "'" + found + "'"};
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts{""};
  for (const char c : text) {
    if (c == at) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

/// Decimal, or hexadecimal with 0x; perhaps with K, M, G or T behind it.
std::uint64_t number(const std::string& text, std::uint64_t most, const std::string& what) {
  const bool hex = text.starts_with("0x");
  const char* const end = text.data() + text.size();
  std::uint64_t value = 0;
  const auto [stop, error] =
      std::from_chars(text.data() + (hex ? 2 : 0), end, value, hex ? 16 : 10);
  const std::string suffixes = "KMGT";
  const std::size_t suffix = stop + 1 == end ? suffixes.find(*stop) : std::string::npos;
  const bool whole = stop == end || suffix != std::string::npos;
  const unsigned shift = suffix == std::string::npos ? 0 : 10 * (static_cast<unsigned>(suffix) + 1);
  if (error != std::errc() || !whole || value > most >> shift) malformed(what, text);
  return value << shift;
}

unsigned small(const std::string& text, unsigned most, const std::string& what) {
  return static_cast<unsigned>(number(text, most, what));
}

constexpr std::uint64_t longest_disk = std::uint64_t{1} << 46;

Range range(const std::string& text) {
  const std::string expected = "START+LENGTH";
  const std::vector<std::string> parts = split(text, '+');
  if (parts.size() != 2) malformed(expected, text);
  const std::uint64_t start = number(parts[0], longest_disk, expected);
  return {start, start + number(parts[1], longest_disk, expected)};
}

Write filled(Kind kind, const std::string& text) {
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() != 2) malformed("START+LENGTH:BYTE", text);
  const unsigned byte = small(parts[1], 255, "a BYTE up to 255");
  return {kind, range(parts[0]), static_cast<std::uint8_t>(byte)};
}

Snapshot snapshot(const std::string& text) {
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() > 2 || parts[0].empty() || parts[0].size() > 255) malformed("NAME:EXTRA", text);
  Snapshot result{parts[0]};
  if (parts.size() > 1) result.extra = small(parts[1], 1024, "extra data of 0…1024 bytes");
  return result;
}

unsigned power_of_two(const std::string& text, std::uint64_t least, std::uint64_t most,
                      const std::string& what) {
  const std::uint64_t value = number(text, most, what);
  if (value < least || !std::has_single_bit(value)) malformed(what, text);
  return static_cast<unsigned>(std::countr_zero(value));
}

/// NAME:GRANULARITY, then flags and dirty ranges in any order.
Bitmap bitmap(const std::string& text) {
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() < 2 || parts[0].empty() || parts[0].size() > 1023)
    malformed("NAME:GRANULARITY:…", text);
  Bitmap result{parts[0]};
  result.granularity_bits =
      power_of_two(parts[1], 512, std::uint64_t{1} << 31, "a GRANULARITY of 512…2G");
  for (std::size_t i = 2; i < parts.size(); ++i) {
    if (parts[i] == "auto") {
      result.automatic = true;
    } else if (parts[i] == "in-use") {
      result.in_use = true;
    } else {
      for (const std::string& each : split(parts[i], ',')) result.dirty.push_back(range(each));
    }
  }
  return result;
}

Extension extension(const std::string& text) {
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() != 2) malformed("TYPE:LENGTH", text);
  const std::uint64_t type = number(parts[0], 0xffffffff, "a TYPE of 32 bits");
  // Those that mean something.
  for (const std::uint64_t known :
       {0u, 0xe2792acau, 0x6803f857u, 0x23852875u, 0x0537be77u, 0x44415441u}) {
    if (type == known) malformed("a TYPE that nobody knows", parts[0]);
  }
  return {static_cast<std::uint32_t>(type), small(parts[1], 4096, "a LENGTH up to 4096")};
}

std::uint64_t bit(const std::string& text, unsigned least) {
  const unsigned result = small(text, 63, "a BIT of 0…63");
  if (result < least) malformed("a BIT that nobody knows", text);
  return std::uint64_t{1} << result;
}

FeatureName feature_name(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos || colon + 1 == text.size() || text.size() - colon > 47)
    malformed("BIT:NAME, a NAME of 1…46 bytes", text);
  return {small(text.substr(0, colon), 63, "a BIT of 0…63"), text.substr(colon + 1)};
}

unsigned fields(const std::string& text) {
  const unsigned bytes = small(text, 256, "up to 256 bytes");
  if (bytes % 8 != 0) malformed("a multiple of 8 bytes", text);
  return bytes;
}

unsigned version(const std::string& text) {
  if (text != "0.10" && text != "1.1") malformed("0.10 or 1.1", text);
  return text == "1.1" ? 3 : 2;
}

bool is_zstd(const std::string& text) {
  if (text != "zlib" && text != "zstd") malformed("zlib or zstd", text);
  return text == "zstd";
}

using Reader = std::function<void(Image&, const std::string&)>;

/// Of what an image holds.
std::map<std::string, Reader> readers_of_features() {
  return {
      {"cluster_size",
       [](Image& image, const std::string& text) {
         image.cluster_bits = power_of_two(text, 512, 2 << 20, "a cluster of 512…2M");
       }},
      {"compat", [](Image& image, const std::string& text) { image.version = version(text); }},
      {"refcount_bits",
       [](Image& image, const std::string& text) {
         image.refcount_order = power_of_two(text, 1, 64, "a refcount of 1…64 bits");
       }},
      {"backing_file", [](Image& image, const std::string& text) { image.backing_file = text; }},
      {"backing_fmt", [](Image& image, const std::string& text) { image.backing_format = text; }},
      {"compression", [](Image& image, const std::string& text) { image.zstd = is_zstd(text); }},
      {"data",
       [](Image& image, const std::string& text) {
         image.history.emplace_back(filled(Kind::data, text));
       }},
      {"compressed",
       [](Image& image, const std::string& text) {
         image.history.emplace_back(filled(Kind::compressed, text));
       }},
      {"zeros",
       [](Image& image, const std::string& text) {
         image.history.emplace_back(Write{Kind::zeros, range(text)});
       }},
      {"mapped-zeros",
       [](Image& image, const std::string& text) {
         image.history.emplace_back(Write{Kind::mapped_zeros, range(text)});
       }},
      {"snapshot",
       [](Image& image, const std::string& text) { image.history.emplace_back(snapshot(text)); }},
      {"bitmap",
       [](Image& image, const std::string& text) { image.bitmaps.push_back(bitmap(text)); }},
      {"extension",
       [](Image& image, const std::string& text) { image.extensions.push_back(extension(text)); }},
      {"feature-name",
       [](Image& image, const std::string& text) {
         image.feature_names.push_back(feature_name(text));
       }},
      {"fields", [](Image& image, const std::string& text) { image.fields = fields(text); }},
      {"incompatible",
       [](Image& image, const std::string& text) { image.incompatible |= bit(text, 5); }},
      {"compatible",
       [](Image& image, const std::string& text) { image.compatible |= bit(text, 1); }},
      {"autoclear", [](Image& image, const std::string& text) { image.autoclear |= bit(text, 2); }},
  };
}

/// Of what is wrong with an image.
std::map<std::string, Reader> readers_of_faults() {
  return {
      {"dirty",
       [](Image& image, const std::string& text) {
         image.incompatible |= dirty_bit;
         image.lost = small(text, 1000, "a number of refcounts");
       }},
      {"corrupt",
       [](Image& image, const std::string& text) {
         if (text != "on") malformed("on", text);
         image.incompatible |= corrupt_bit;
       }},
      {"leaked",
       [](Image& image, const std::string& text) {
         image.leaked = small(text, 1000, "a number of clusters");
       }},
      {"patch",
       [](Image& image, const std::string& text) { image.patches.push_back(table_patch(text)); }},
      {"broken",
       [](Image& image, const std::string& text) { image.broken.push_back(range(text)); }},
      {"check",
       [](Image& image, const std::string& text) {
         const std::vector<std::string> parts = split(text, '+');
         if (parts.size() != 2) malformed("CORRUPTIONS+LEAKS", text);
         image.found_corruptions = small(parts[0], 1u << 20, "a number of corruptions");
         image.found_leaks = small(parts[1], 1u << 20, "a number of leaks");
       }},
      {"l1",
       [](Image& image, const std::string& text) {
         image.spare_l1 = small(text, 1000, "a number of entries");
       }},
  };
}

const std::map<std::string, Reader>& readers() {
  static const std::map<std::string, Reader> all = [] {
    std::map<std::string, Reader> readers = readers_of_features();
    readers.merge(readers_of_faults());
    return readers;
  }();
  return all;
}

/// What version 2 has not.
void check_version(const Image& image) {
  const bool zeros = std::ranges::any_of(image.history, [](const auto& step) {
    const auto* written = std::get_if<Write>(&step);
    return written != nullptr &&
           (written->kind == Kind::zeros || written->kind == Kind::mapped_zeros);
  });
  const bool features = (image.incompatible | image.compatible | image.autoclear) != 0 ||
                        !image.feature_names.empty() || image.fields != 0;
  if (image.version < 3 &&
      (zeros || features || image.zstd || !image.bitmaps.empty() || image.refcount_order != 4))
    malformed("compat=1.1, which has zeros, features, bitmaps and other refcounts", "compat=0.10");
}

void check_bitmaps(const Image& image) {
  for (auto each = image.bitmaps.begin(); each != image.bitmaps.end(); ++each) {
    if (std::count_if(image.bitmaps.begin(), each,
                      [&](const Bitmap& other) { return other.name == each->name; }) > 0)
      malformed("each bitmap once", each->name + "' again");
  }
}

/// Snapshots of version 3 tell the disk's size; that one does not is a corruption.
void check_snapshots(const Image& image) {
  if (image.found_corruptions != 0) return;
  for (const auto& step : image.history) {
    const auto* taken = std::get_if<Snapshot>(&step);
    if (taken != nullptr && taken->extra < (image.version < 3 ? 0u : 16u))
      malformed("extra data of at least 16 bytes", std::to_string(taken->extra));
  }
}

/// Each patch finds its table.
void check_patches(const Image& image) {
  if (!image.patches.empty()) file_of(image);
}

/// Before anything is made.
void check_amount(const Image& image) {
  std::uint64_t clusters = image.leaked;
  for (const auto& step : image.history) {
    const auto* written = std::get_if<Write>(&step);
    const std::uint64_t end = written != nullptr ? std::min(written->range.end, image.size) : 0;
    if (written != nullptr && written->range.start < end)
      clusters += ((end - written->range.start) >> image.cluster_bits) + 2;
  }
  const std::uint64_t l1 = (image.size >> (2 * image.cluster_bits - 3)) + image.spare_l1;
  std::uint64_t bits = 0;
  for (const Bitmap& each : image.bitmaps) bits += image.size >> each.granularity_bits;
  const bool too_much = clusters > most_clusters || clusters << image.cluster_bits > most_bytes ||
                        l1 > 1u << 16 || bits > 1u << 23;
  if (too_much) malformed("an image of at most 64M, 32768 clusters and a short L1 table", "more");
}

/// Whether every refcount fits its width.
void check_refcounts(const Image& image) {
  const Disk disk = disk_of(image);
  const unsigned tables = 1 + static_cast<unsigned>(disk.snapshots.size());
  const bool fits = image.refcount_order >= 5 || tables >> (1u << image.refcount_order) == 0;
  if (!fits && !disk.cells.empty())
    malformed("wider refcounts, or fewer snapshots", std::to_string(disk.snapshots.size()));
}

void check_header(const Image& image) {
  std::uint64_t taken = 112 + image.fields + 24 + 32 + 8 + image.backing_file.size();
  if (!image.feature_names.empty()) taken += 8 + image.feature_names.size() * 48;
  for (const Extension& each : image.extensions) taken += 16 + each.length;
  if (image.backing_file.size() > 1023 || taken > image.cluster_size())
    malformed("a header that fits into a cluster", "more");
  if (image.backing_format.size() > 15) malformed("a short format", image.backing_format);
}

}  // namespace

std::vector<std::string> keys() {
  std::vector<std::string> names;
  for (const auto& [key, reader] : readers()) names.push_back(key);
  return names;
}

Image described(const std::string& size,
                const std::vector<std::pair<std::string, std::string>>& words) {
  Image image;
  image.size = (number(size, longest_disk, "a SIZE") + 511) / 512 * 512;
  if (image.size == 0) malformed("a SIZE", size);
  for (const auto& [key, text] : words) readers().at(key)(image, text);
  if (image.zstd) image.incompatible |= compression_bit;
  check_version(image);
  check_bitmaps(image);
  check_snapshots(image);
  check_amount(image);
  check_header(image);
  check_refcounts(image);
  check_patches(image);
  return image;
}

}  // namespace sim::foreign
