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

/// Bits of a field, which are put the other way round, and what that is called.
struct Field {
  enum class Of { header, extension, entry, table };
  const char* what;
  Of of;
  int offset;       ///< from where the header, extension, entry or table begins
  unsigned length;  ///< in bytes
  std::uint64_t bits;
  bool version_3 = false;  ///< whether only that has the field
};

constexpr std::uint64_t high_bit = 0x80000000;

/// Of the header, of its extension of bitmaps, of the first entry of their directory, of the table
/// of that bitmap; each in the order in which it is read. An extension's length stands before it.
constexpr Field fields[] = {
    {"version", Field::Of::header, 4, 4, 4},
    {"backing-offset", Field::Of::header, 8, 8, high_bit},
    {"backing-length", Field::Of::header, 16, 4, high_bit},
    {"cluster-bits", Field::Of::header, 20, 4, 32},
    {"disk-size", Field::Of::header, 24, 8, std::uint64_t{1} << 52},
    {"encryption", Field::Of::header, 32, 4, 7},
    {"l1-size", Field::Of::header, 36, 4, high_bit},
    {"l1-offset", Field::Of::header, 40, 8, 1},
    {"refcount-table-offset", Field::Of::header, 48, 8, 1},
    {"refcount-table-size", Field::Of::header, 56, 4, high_bit},
    {"snapshot-count", Field::Of::header, 60, 4, high_bit},
    {"snapshot-offset", Field::Of::header, 64, 8, 1},
    {"unknown-feature", Field::Of::header, 72, 8, 1 << 5, true},
    {"compression-feature", Field::Of::header, 72, 8, 1 << 3, true},
    {"refcount-width", Field::Of::header, 96, 4, 64, true},
    {"header-too-short", Field::Of::header, 100, 4, 64, true},
    {"header-too-long", Field::Of::header, 100, 4, high_bit, true},
    {"compression-type", Field::Of::header, 104, 1, 1, true},
    {"compression-unknown", Field::Of::header, 104, 1, 2, true},
    {"bitmap-extension-length", Field::Of::extension, -4, 4, 8},
    {"bitmap-count", Field::Of::extension, 0, 4, 4},
    {"bitmap-excess", Field::Of::extension, 0, 4, 65536},
    {"bitmap-reserved", Field::Of::extension, 4, 4, 1},
    {"bitmap-directory", Field::Of::extension, 8, 8, 8},
    {"bitmap-directory-offset", Field::Of::extension, 16, 8, 256},
    {"bitmap-table-offset", Field::Of::entry, 0, 8, 256},
    {"bitmap-table-size", Field::Of::entry, 8, 4, high_bit},
    {"bitmap-flags", Field::Of::entry, 12, 4, 128},
    {"bitmap-type", Field::Of::entry, 16, 1, 2},
    {"bitmap-granularity", Field::Of::entry, 17, 1, 64},
    {"bitmap-name-size", Field::Of::entry, 18, 2, 0x8000},
    {"bitmap-extra", Field::Of::entry, 20, 4, 8},
    {"bitmap-table", Field::Of::table, 0, 8, 2},
};

const Field* field_called(const std::string& what) {
  const auto* found = std::ranges::find(fields, what, &Field::what);
  return found == std::end(fields) ? nullptr : found;
}

bool is_of_header(const Field* field) { return field != nullptr && field->of == Field::Of::header; }

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
    const Field* field = field_called(what);
    if (field != nullptr && field->version_3 && is_version_2()) throw Nothing();
    if (!is_of_header(field)) find_bitmaps();
    if (what == "autoclear") return {autoclear_features, number(0, 8)};
    if (field == nullptr) throw SubjectFailure("nobody knows how to damage " + what);
    const std::uint64_t places[] = {0, extension_, directory_, table_};
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
  for (const Field& each : fields)
    if (!is_of_header(&each)) all.emplace_back(each.what);
  return all;
}

std::vector<std::string> header_damages() {
  std::vector<std::string> all;
  for (const Field& each : fields)
    if (is_of_header(&each)) all.emplace_back(each.what);
  return all;
}

std::vector<std::string> damages() {
  std::vector<std::string> all = bitmap_damages();
  const std::vector<std::string> headers = header_damages();
  all.insert(all.end(), headers.begin(), headers.end());
  return all;
}

std::string nothing_to_damage(const std::string& what) {
  return is_of_header(field_called(what)) ? "no such field to damage" : "no bitmaps to damage";
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
