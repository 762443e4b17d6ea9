// SPDX-License-Identifier: MIT
#include "sim/damage.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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
constexpr std::uint64_t directory_size = 8;
constexpr std::uint64_t directory_offset = 16;
// Of a directory entry: the table's offset, its size, the flags, and these.
constexpr std::uint64_t entry_type = 16;
constexpr std::uint64_t entry_extra_data = 20;

std::vector<std::byte> number(std::uint64_t value, unsigned length) {
  std::vector<std::byte> bytes(length);
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte, value >>= 8) {
    *byte = static_cast<std::byte>(value & 0xff);
  }
  return bytes;
}

/// Thrown when an image turns out to hold none.
struct NoBitmaps {};

/// Where an image has its bitmaps.
class Layout {
 public:
  explicit Layout(std::span<const std::byte> image) : image_(image) {
    if (at(0, 4) != 0x514649fb || at(4, 4) < 3) throw NoBitmaps();
    if (at(autoclear_features, 8) % 2 == 0) throw NoBitmaps();
    std::uint64_t place = at(header_length, 4);
    while (at(place, 4) != bitmaps_extension) {
      if (at(place, 4) == 0) throw NoBitmaps();
      place += 8 + (at(place + 4, 4) + 7) / 8 * 8;
    }
    extension_ = place + 8;
    directory_ = at(extension_ + directory_offset, 8);
    table_ = at(directory_, 8);
  }

  Patch broken(const std::string& what) const {
    if (what == "autoclear") return {autoclear_features, number(0, 8)};
    if (what == "bitmap-count") return flipped(extension_, 4, 4);
    if (what == "bitmap-directory") return flipped(extension_ + directory_size, 8, 8);
    if (what == "bitmap-extra") return flipped(directory_ + entry_extra_data, 4, 8);
    if (what == "bitmap-type") return flipped(directory_ + entry_type, 1, 2);
    if (what == "bitmap-table") return flipped(table_, 8, 2);
    throw SubjectFailure("nobody knows how to damage " + what);
  }

 private:
  std::uint64_t at(std::uint64_t offset, unsigned length) const {
    if (offset > image_.size() || length > image_.size() - offset) throw NoBitmaps();
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

std::vector<std::string> damages() {
  return {"autoclear",    "bitmap-count", "bitmap-directory",
          "bitmap-extra", "bitmap-type",  "bitmap-table"};
}

std::optional<Patch> damage(std::span<const std::byte> image, const std::string& what) {
  try {
    return Layout(image).broken(what);
  } catch (const NoBitmaps&) {
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
