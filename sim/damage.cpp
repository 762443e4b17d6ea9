// SPDX-License-Identifier: MIT
#include "sim/damage.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "sim/child.h"
#include "sim/subject.h"

namespace sim {

namespace {

// Where the specification of qcow2 has its fields; all are big-endian.
constexpr std::uint64_t autoclear_features = 88;
constexpr std::uint64_t header_length = 100;
constexpr std::uint64_t bitmaps_extension = 0x23852875;
// Of the extension: the number of bitmaps, 4 reserved bytes, the directory's size and its offset.
constexpr std::uint64_t directory_offset = 16;
/// No cluster is smaller: where an offset has more bits than these, they are damage.
constexpr std::uint64_t aligned = ~std::uint64_t{511};

/// Bits of a field of the bitmaps' extension, of a directory's entry or of a bitmap's table.
struct BitmapBits {
  const char* what;
  enum class Of { extension, entry, table } of;
  int offset;
  unsigned length;  ///< of the field, in bytes
  std::uint64_t bits;
};
constexpr BitmapBits bitmap_bits[] = {
    {"bitmap-extension-length", BitmapBits::Of::extension, -4, 4, 8},
    {"bitmap-count", BitmapBits::Of::extension, 0, 4, 4},
    {"bitmap-excess", BitmapBits::Of::extension, 0, 4, 65536},
    {"bitmap-reserved", BitmapBits::Of::extension, 4, 4, 1},
    {"bitmap-directory", BitmapBits::Of::extension, 8, 8, 8},
    {"bitmap-directory-offset", BitmapBits::Of::extension, 16, 8, 256},
    {"bitmap-table-offset", BitmapBits::Of::entry, 0, 8, 256},
    {"bitmap-table-size", BitmapBits::Of::entry, 8, 4, 0x80000000},
    {"bitmap-flags", BitmapBits::Of::entry, 12, 4, 128},
    {"bitmap-type", BitmapBits::Of::entry, 16, 1, 2},
    {"bitmap-granularity", BitmapBits::Of::entry, 17, 1, 64},
    {"bitmap-name-size", BitmapBits::Of::entry, 18, 2, 0x8000},
    {"bitmap-extra", BitmapBits::Of::entry, 20, 4, 8},
    {"bitmap-table", BitmapBits::Of::table, 0, 8, 2},
};

/// Bits of a field of the header, and what they are called.
struct HeaderBits {
  const char* what;
  std::uint64_t offset;
  unsigned length;  ///< of the field, in bytes
  std::uint64_t bits;
  bool version_3 = false;  ///< whether only that has the field
};

constexpr std::uint64_t high_bit = 0x80000000;

/// In the order of the header.
constexpr HeaderBits header_bits[] = {
    {"version", 4, 4, 4},
    {"backing-offset", 8, 8, high_bit},
    {"backing-length", 16, 4, high_bit},
    {"cluster-bits", 20, 4, 32},
    {"disk-size", 24, 8, std::uint64_t{1} << 52},
    {"encryption", 32, 4, 7},
    {"l1-size", 36, 4, high_bit},
    {"l1-offset", 40, 8, 1},
    {"refcount-table-offset", 48, 8, 1},
    {"refcount-table-size", 56, 4, high_bit},
    {"snapshot-count", 60, 4, high_bit},
    {"snapshot-offset", 64, 8, 1},
    {"unknown-feature", 72, 8, 1 << 5, true},
    {"compression-feature", 72, 8, 1 << 3, true},
    {"refcount-width", 96, 4, 64, true},
    {"header-too-short", 100, 4, 64, true},
    {"header-too-long", 100, 4, high_bit, true},
    {"compression-type", 104, 1, 1, true},
    {"compression-unknown", 104, 1, 2, true},
};

const HeaderBits* header_bits_of(const std::string& what) {
  const auto* found = std::ranges::find(header_bits, what, &HeaderBits::what);
  return found == std::end(header_bits) ? nullptr : found;
}

std::vector<std::byte> number(std::uint64_t value, unsigned length) {
  std::vector<std::byte> bytes(length);
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte, value >>= 8) {
    *byte = static_cast<std::byte>(value & 0xff);
  }
  return bytes;
}

/// Thrown when an image turns out to hold nothing of the kind.
struct Nothing {};

/// Where an image has its fields, and its bitmaps if it has some.
class Layout {
 public:
  explicit Layout(std::span<const std::byte> image) : image_(image) {
    if (at(0, 4) != 0x514649fb) throw Nothing();
  }

  Patch broken(const std::string& what) {
    if (const HeaderBits* field = header_bits_of(what)) {
      if (field->version_3 && is_version_2()) throw Nothing();
      return flipped(field->offset, field->length, field->bits);
    }
    find_bitmaps();
    if (what == "autoclear") return {autoclear_features, number(0, 8)};
    const auto* field = std::ranges::find(bitmap_bits, what, &BitmapBits::what);
    if (field == std::end(bitmap_bits)) throw SubjectFailure("nobody knows how to damage " + what);
    const std::uint64_t places[] = {extension_, directory_, table_};
    const std::uint64_t place = places[static_cast<std::size_t>(field->of)];
    return flipped(place + static_cast<std::uint64_t>(std::int64_t{field->offset}), field->length,
                   field->bits);
  }

 private:
  /// Even if the version is damaged.
  bool is_version_2() const { return (at(4, 4) & 1) == 0; }

  void find_bitmaps() {
    if (is_version_2() || at(autoclear_features, 8) % 2 == 0) throw Nothing();
    std::uint64_t place = at(header_length, 4);
    while (at(place, 4) != bitmaps_extension) {
      if (at(place, 4) == 0) throw Nothing();
      place += 8 + (at(place + 4, 4) + 7) / 8 * 8;
    }
    extension_ = place + 8;
    directory_ = at(extension_ + directory_offset, 8) & aligned;
    table_ = at(directory_, 8) & aligned;
  }

  std::uint64_t at(std::uint64_t offset, unsigned length) const {
    if (offset > image_.size() || length > image_.size() - offset) throw Nothing();
    std::uint64_t value = 0;
    for (const std::byte byte : image_.subspan(offset, length)) {
      value = value << 8 | std::to_integer<std::uint64_t>(byte);
    }
    return value;
  }

  /// The number at `offset` with some bits the other way round.
  Patch flipped(std::uint64_t offset, unsigned length, std::uint64_t bits) const {
    return {offset, number(at(offset, length) ^ bits, length)};
  }

  std::span<const std::byte> image_;
  std::uint64_t extension_ = 0;
  std::uint64_t directory_ = 0;
  std::uint64_t table_ = 0;  ///< the first bitmap's
};

[[noreturn]] void cannot_damage(const std::string& path) {
  throw SubjectFailure("cannot damage " + path + ": " + std::strerror(errno));
}

/// The bytes of a file, which take no memory: a program may leave a file of any size.
class Mapping {
 public:
  Mapping(const Descriptor& file, const std::string& path) {
    struct stat status {};
    if (fstat(file.number(), &status) != 0 || !S_ISREG(status.st_mode)) cannot_damage(path);
    length_ = static_cast<std::size_t>(status.st_size);
    if (length_ == 0) return;
    address_ = mmap(nullptr, length_, PROT_READ, MAP_SHARED, file.number(), 0);
    if (address_ == MAP_FAILED) cannot_damage(path);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (length_ > 0) munmap(address_, length_);
  }
  std::span<const std::byte> bytes() const {
    return {static_cast<const std::byte*>(address_), length_};
  }

 private:
  void* address_ = nullptr;
  std::size_t length_ = 0;
};

}  // namespace

std::vector<std::string> bitmap_damages() {
  std::vector<std::string> all{"autoclear"};
  for (const BitmapBits& each : bitmap_bits) all.emplace_back(each.what);
  return all;
}

std::vector<std::string> header_damages() {
  std::vector<std::string> all;
  for (const HeaderBits& each : header_bits) all.emplace_back(each.what);
  return all;
}

std::vector<std::string> damages() {
  std::vector<std::string> all = bitmap_damages();
  const std::vector<std::string> headers = header_damages();
  all.insert(all.end(), headers.begin(), headers.end());
  return all;
}

std::string nothing_to_damage(const std::string& what) {
  return header_bits_of(what) == nullptr ? "no bitmaps to damage" : "no such field to damage";
}

std::optional<Patch> damage(std::span<const std::byte> image, const std::string& what) {
  try {
    return Layout(image).broken(what);
  } catch (const Nothing&) {
    return std::nullopt;
  }
}

bool damage_file(const std::string& path, const std::string& what) {
  std::error_code missing;
  if (!std::filesystem::exists(path, missing)) return false;
  const Descriptor file(open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  const std::optional<Patch> patch = damage(Mapping(file, path).bytes(), what);
  if (!patch) return false;
  const ssize_t written = pwrite(file.number(), patch->bytes.data(), patch->bytes.size(),
                                 static_cast<off_t>(patch->offset));
  if (written != static_cast<ssize_t>(patch->bytes.size())) cannot_damage(path);
  return true;
}

}  // namespace sim
