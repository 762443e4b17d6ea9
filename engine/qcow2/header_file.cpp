// SPDX-License-Identifier: MIT
#include "engine/qcow2/header_file.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace engine::qcow2 {

namespace {

constexpr std::uint64_t sector = 512;

/// Whole sectors without those of zeros at their end.
std::span<const std::byte> without_zeros(std::span<const std::byte> bytes) {
  constexpr std::array<std::byte, sector> zeros{};
  std::uint64_t end = bytes.size();
  while (end > 0 && std::memcmp(&bytes[end - sector], zeros.data(), sector) == 0) end -= sector;
  return bytes.first(end);
}

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
  std::vector<std::byte> bytes(std::min<std::uint64_t>(file_.size().value, sector));
  const std::span<std::byte> head(bytes);
  const HostOffset start{0};
  co_await file_.read(start, head);
  const ByteCount needed = header_bytes_needed(bytes);
  bytes.resize(std::min(file_.size(), needed).value);
  const std::span<std::byte> all(bytes);
  co_await file_.read(start, all);
  header_ = decode_header(bytes);
  bytes.resize(round_up(bytes.size(), sector));
  const std::span<const std::byte> used = without_zeros(bytes);
  bytes_.assign(used.begin(), used.end());
}

io::Task<void> HeaderFile::replace(Header next) {
  std::vector<std::byte> bytes = encode_header(next);
  // What is left of a longer header must not look like an extension or a name.
  bytes.resize(round_up(std::max(bytes.size(), bytes_.size()), sector));
  bytes_.resize(bytes.size());
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
