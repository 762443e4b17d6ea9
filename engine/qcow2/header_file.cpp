// SPDX-License-Identifier: MIT
#include "engine/qcow2/header_file.h"

#include <algorithm>
#include <cstring>

#include "engine/error.h"
#include "engine/qcow2/bytes.h"

namespace engine::qcow2 {

namespace {

/// The span of sectors of `after` that are not the same, or not there, in `before`; empty if there
/// are none.
std::span<const std::byte> changed_sectors(std::span<const std::byte> before,
                                           std::span<const std::byte> after) {
  const auto same = [&](std::uint64_t at) {
    return at + sector_size <= before.size() &&
           std::memcmp(&before[at], &after[at], sector_size) == 0;
  };
  std::uint64_t start = 0;
  std::uint64_t end = after.size();
  while (start < end && same(start)) start += sector_size;
  while (end > start && same(end - sector_size)) end -= sector_size;
  return after.subspan(start, end - start);
}

/// The header's text; without the names of features, which nobody needs, if it then fits one
/// sector, which a power cut cannot tear.
std::vector<std::byte> encode_whole(Header& header) {
  std::vector<std::byte> bytes = encode_header(header);
  if (bytes.size() <= sector_size) return bytes;
  Header shorter = header;
  std::erase_if(shorter.extensions, [](const HeaderExtension& extension) {
    return extension.type == extension_type::feature_names;
  });
  std::vector<std::byte> fewer = encode_header(shorter);
  if (fewer.size() > sector_size) return bytes;
  header = std::move(shorter);
  return fewer;
}

io::Task<void> read_start(io::Storage& file, std::span<std::byte> buffer) {
  const HostOffset start{0};
  try {
    co_await file.read(start, buffer);
  } catch (const IoError& error) {
    throw IoError(error.code(), "Could not read qcow2 header");
  }
}

}  // namespace

io::Task<void> HeaderFile::load(OpenFor purpose) {
  std::vector<std::byte> bytes(first_header_bytes);
  const std::span<std::byte> head(bytes);
  co_await read_start(file_, head);
  const std::uint64_t needed = header_bytes_needed(bytes).value;
  if (needed > bytes.size()) {
    bytes.resize(needed);
    const std::span<std::byte> all(bytes);
    co_await read_start(file_, all);
  }
  // A commit may turn it writable later on, then nothing is refused; so does QEMU.
  const bool writing = purpose == OpenFor::use && file_.access() == io::Access::read_write;
  header_ = decode_header(bytes, writing ? OpenFor::writing : purpose);
  // A small cluster may end before.
  const std::uint64_t size = std::min<std::uint64_t>(bytes.size(), header_.cluster_size().value);
  bytes.resize(round_up(size, sector_size));
  bytes_ = std::move(bytes);
  known_ = true;
}

io::Task<void> HeaderFile::replace(Header next) {
  std::vector<std::byte> bytes = encode_whole(next);
  const bool in_one_sector = bytes.size() <= sector_size;
  // What is left of a longer header must not look like an extension or a name.
  bytes.resize(round_up(std::max(bytes.size(), bytes_.size()), sector_size));
  const std::vector<std::byte> before = known_ ? bytes_ : std::vector<std::byte>();
  if (before != bytes) {
    co_await file_.flush();
    // A write that fails may have changed any part: after it nothing is known of the old bytes.
    known_ = false;
    bytes_.resize(std::max(bytes_.size(), bytes.size()));
    // Whatever arrives, one or the other is there. The first sector tells where the rest lies.
    const std::uint64_t size = bytes.size();
    if (in_one_sector) co_await write_changes(before, bytes, 0, sector_size);
    co_await write_changes(before, bytes, sector_size, size);
    if (!in_one_sector) co_await write_changes(before, bytes, 0, sector_size);
    known_ = true;
  }
  bytes_ = std::move(bytes);
  header_ = std::move(next);
}

io::Task<void> HeaderFile::write_back() {
  Header same = header_;
  return replace(std::move(same));
}

io::Task<void> HeaderFile::write_changes(const std::vector<std::byte>& before,
                                         const std::vector<std::byte>& after, std::uint64_t start,
                                         std::uint64_t end) {
  const std::uint64_t size = before.size();
  const std::span<const std::byte> old =
      std::span(before).subspan(std::min(start, size), std::min(end, size) - std::min(start, size));
  const std::span<const std::byte> now = std::span(after).subspan(start, end - start);
  const std::span<const std::byte> changed = changed_sectors(old, now);
  if (changed.empty()) co_return;
  const HostOffset at{static_cast<std::uint64_t>(changed.data() - after.data())};
  co_await file_.write(at, changed);
  co_await file_.flush();
}

}  // namespace engine::qcow2
