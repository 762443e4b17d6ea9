// SPDX-License-Identifier: MIT
#include "sim/foreign/keepsakes.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "sim/foreign/bytes.h"
#include "sim/foreign/compress.h"
#include "sim/foreign/disk.h"
#include "sim/foreign/layout.h"

namespace sim::foreign {

using nlohmann::json;

namespace {

constexpr std::uint64_t known_compatible = 1;

/// Appends a run; one that goes on where the last one ended, with the same byte, makes it longer.
void append(json& runs, std::uint64_t start, std::uint64_t length, int byte) {
  const bool joins =
      !runs.empty() && runs.back()[2] == byte &&
      runs.back()[0].get<std::uint64_t>() + runs.back()[1].get<std::uint64_t>() == start;
  if (joins) {
    runs.back()[1] = runs.back()[1].get<std::uint64_t>() + length;
  } else {
    runs.push_back({start, length, byte});
  }
}

/// Thrown where a file cannot be an image.
struct NoImage {};

/// Reads an image by the specification, without trusting it.
class Reader {
 public:
  explicit Reader(const ReadAt& read) : read_(read) {
    if (number(0, 4) != 0x514649fb) throw NoImage();
    version_ = number(4, 4);
    cluster_bits_ = static_cast<unsigned>(number(20, 4));
    if (version_ < 2 || version_ > 3 || cluster_bits_ < 9 || cluster_bits_ > 21) throw NoImage();
    zstd_ = version_ > 2 && (number(72, 8) & compression_bit) != 0;
  }

  json keepsakes() {
    const std::uint64_t compatible = version_ > 2 ? number(80, 8) & ~known_compatible : 0;
    return {{"snapshots", snapshots()},
            {"extensions", extensions()},
            {"compatible", compatible},
            {"fields", fields()}};
  }

 private:
  std::uint64_t cluster_size() const { return std::uint64_t{1} << cluster_bits_; }
  Bytes bytes(std::uint64_t at, std::uint64_t length) const {
    Bytes result(length);
    read_(at, result);
    return result;
  }
  std::uint64_t number(std::uint64_t at, unsigned length) const {
    std::uint64_t value = 0;
    for (const std::byte each : bytes(at, length))
      value = value << 8 | std::to_integer<unsigned>(each);
    return value;
  }

  /// How many bytes of fields that nobody knows are as they were.
  std::uint64_t fields() const {
    const std::uint64_t length = version_ < 3 ? 0 : std::min(number(100, 4), cluster_size());
    if (length <= 112) return 0;
    const Bytes found = bytes(112, length - 112);
    return static_cast<std::uint64_t>(std::ranges::count(found, std::byte{'y'}));
  }

  json extensions() const {
    json found = json::array();
    std::uint64_t at = version_ < 3 ? 72 : number(100, 4);
    while (at + 8 <= cluster_size() && number(at, 4) != 0) {
      const std::uint64_t type = number(at, 4), length = number(at + 4, 4);
      const bool known = type == 0xe2792aca || type == 0x6803f857 || type == 0x23852875;
      if (!known) found.push_back({type, length});
      at += 8 + (length + 7) / 8 * 8;
    }
    std::sort(found.begin(), found.end());  // QEMU turns them round
    return found;
  }

  json snapshots() const {
    json found = json::array();
    std::uint64_t at = number(64, 8);
    for (std::uint64_t left = std::min<std::uint64_t>(number(60, 4), 64); left > 0; --left) {
      const std::uint64_t id = number(at + 12, 2), name = number(at + 14, 2);
      const std::uint64_t extra = number(at + 36, 4);
      std::string text;
      for (const std::byte each : bytes(at + 40 + extra + id, name))
        text += static_cast<char>(each);
      found.push_back({{"name", text}, {"data", data(number(at, 8), number(at + 8, 4))}});
      at = (at + 40 + extra + id + name + 7) / 8 * 8;
    }
    return found;
  }

  json data(std::uint64_t l1, std::uint64_t entries) const {
    json runs = json::array();
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(entries, 1 << 16); ++i) {
      const std::uint64_t table = number(l1 + i * 8, 8) & place_mask;
      if (table == 0) continue;
      const Bytes l2 = bytes(table, cluster_size());
      for (std::uint64_t k = 0; k < cluster_size() / 8; ++k) {
        std::uint64_t entry = 0;
        for (unsigned byte = 0; byte < 8; ++byte)
          entry = entry << 8 | std::to_integer<unsigned>(l2[k * 8 + byte]);
        const std::uint64_t cluster = (i << (cluster_bits_ - 3)) + k;
        if (entry != 0) append(runs, cluster << cluster_bits_, cluster_size(), byte_at(entry));
      }
    }
    return runs;
  }
  /// What all bytes of a cluster are.
  int byte_at(std::uint64_t entry) const {
    Bytes held;
    if ((entry & std::uint64_t{1} << 62) != 0) {
      const unsigned bits = 62 - (cluster_bits_ - 8);
      const std::uint64_t place = entry & ((std::uint64_t{1} << bits) - 1);
      const std::uint64_t more = (entry & ((std::uint64_t{1} << 62) - 1)) >> bits;
      held = expanded(bytes(place, (more + 1) * 512 - place % 512), cluster_size(), zstd_);
    } else if ((entry & 1) == 0) {
      held = bytes(entry & place_mask, cluster_size());
    } else {
      return 0;
    }
    const bool alike = !held.empty() && std::ranges::count(held, held.front()) ==
                                            static_cast<std::ptrdiff_t>(held.size());
    return alike ? std::to_integer<int>(held.front()) : -1;
  }

  static constexpr std::uint64_t place_mask = 0x00fffffffffffe00;

  const ReadAt& read_;
  std::uint64_t version_ = 0;
  unsigned cluster_bits_ = 0;
  bool zstd_ = false;
};

/// Of an image whose tables are patched they are what its bytes say.
json keepsakes_as_laid_out(const Image& image) {
  const File file = file_of(image);
  return keepsakes_in([&file](std::uint64_t at, std::span<std::byte> to) {
    std::ranges::fill(to, std::byte{0});
    for (const Patch& piece : file.pieces) {
      const std::uint64_t first = std::max(at, piece.offset);
      const std::uint64_t end = std::min(at + to.size(), piece.offset + piece.bytes.size());
      for (std::uint64_t i = first; i < end; ++i) to[i - at] = piece.bytes[i - piece.offset];
    }
  });
}

}  // namespace

json keepsakes_of(const Image& image) {
  if (!image.patches.empty()) return keepsakes_as_laid_out(image);
  json result{{"snapshots", json::array()},
              {"extensions", json::array()},
              {"compatible", image.compatible & ~known_compatible},
              {"fields", image.fields}};
  const Disk disk = disk_of(image);
  auto tables = disk.snapshots.begin();
  for (const auto& step : image.history) {
    const auto* taken = std::get_if<Snapshot>(&step);
    if (taken == nullptr) continue;
    json runs = json::array();
    for (const auto& [index, table] : *tables) {
      for (const auto& [cluster, cell] : *table) {
        const bool zeros = cell->kind == Kind::zeros || cell->kind == Kind::mapped_zeros;
        append(runs, cluster << image.cluster_bits, image.cluster_size(), zeros ? 0 : cell->byte);
      }
    }
    result["snapshots"].push_back({{"name", taken->name}, {"data", std::move(runs)}});
    ++tables;
  }
  for (const Extension& each : image.extensions)
    result["extensions"].push_back({each.type, each.length});
  std::sort(result["extensions"].begin(), result["extensions"].end());
  return result;
}

json keepsakes_in(const ReadAt& read) {
  try {
    return Reader(read).keepsakes();
  } catch (const NoImage&) {
    return {{"error", {{"class", "GenericError"}, {"desc", "no qcow2 image"}}}};
  }
}

json keepsakes_in_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return keepsakes_in([&file](std::uint64_t at, std::span<std::byte> to) {
    file.clear();
    file.seekg(static_cast<std::streamoff>(at));
    file.read(reinterpret_cast<char*>(to.data()), static_cast<std::streamsize>(to.size()));
  });
}

}  // namespace sim::foreign
