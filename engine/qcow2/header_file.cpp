// SPDX-License-Identifier: MIT
#include "engine/qcow2/header_file.h"

#include <algorithm>
#include <cstring>

namespace engine::qcow2 {

namespace {

constexpr std::uint64_t sector = 512;

/// The span of sectors in which two texts of the same number of sectors differ; empty where they do
/// not.
std::span<const std::byte> changed_sectors(std::span<const std::byte> before,
                                           std::span<const std::byte> after) {
  const auto same = [&](std::uint64_t at) {
    return std::memcmp(&before[at], &after[at], sector) == 0;
  };
  std::uint64_t start = 0;
  std::uint64_t end = after.size();
  while (start < end && same(start)) start += sector;
  while (end > start && same(end - sector)) end -= sector;
  return after.subspan(start, end - start);
}

}  // namespace

io::Task<void> HeaderFile::load() {
  bytes_.resize(std::min<std::uint64_t>(file_.size().value, sector));
  const std::span<std::byte> head(bytes_);
  const HostOffset start{0};
  co_await file_.read(start, head);
  const ByteCount needed = header_bytes_needed(bytes_);
  bytes_.resize(std::min(file_.size(), needed).value);
  const std::span<std::byte> all(bytes_);
  co_await file_.read(start, all);
  header_ = decode_header(bytes_);
  bytes_.resize(header_.cluster_size().value);
}

io::Task<void> HeaderFile::replace(Header next) {
  std::vector<std::byte> bytes = encode_header(next);
  // What is left of a longer header must not look like an extension or a name.
  bytes.resize(header_.cluster_size().value);
  const std::span<const std::byte> changed = changed_sectors(bytes_, bytes);
  if (!changed.empty()) {
    const HostOffset at{static_cast<std::uint64_t>(changed.data() - bytes.data())};
    // A write that fails may have changed any part: after it nothing is known of the old bytes.
    std::fill(bytes_.begin(), bytes_.end(), std::byte{0});
    co_await file_.flush();
    co_await file_.write(at, changed);
    co_await file_.flush();
  }
  bytes_ = std::move(bytes);
  header_ = std::move(next);
}

}  // namespace engine::qcow2
