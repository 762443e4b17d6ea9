// SPDX-License-Identifier: MIT
#include "engine/qcow2/snapshot_table.h"

#include <cerrno>

#include "engine/error.h"
#include "engine/qcow2/bytes.h"
#include "engine/qcow2/header_limits.h"

namespace engine::qcow2 {
namespace {

// An entry: fixed bytes, extra data, ID, name, padding up to a multiple of 8.
constexpr std::size_t l1_offset_at = 0;
constexpr std::size_t l1_size_at = 8;
constexpr std::size_t id_length_at = 12;
constexpr std::size_t name_length_at = 14;
constexpr std::size_t date_sec_at = 16;
constexpr std::size_t date_nsec_at = 20;
constexpr std::size_t vm_clock_at = 24;
constexpr std::size_t vm_state_size_at = 32;
constexpr std::size_t extra_length_at = 36;
// Extra data; what is not there has its default.
constexpr std::size_t large_vm_state_size_at = 0;
constexpr std::size_t icount_at = 16;
constexpr std::uint32_t max_extra_length = 1024;

Snapshot decode_fixed_part(const std::byte* from) {
  Snapshot snapshot;
  snapshot.l1_offset.value = load_big<std::uint64_t>(from + l1_offset_at);
  snapshot.l1_size = load_big<std::uint32_t>(from + l1_size_at);
  snapshot.date_sec = load_big<std::uint32_t>(from + date_sec_at);
  snapshot.date_nsec = load_big<std::uint32_t>(from + date_nsec_at);
  snapshot.vm_clock_nsec = load_big<std::uint64_t>(from + vm_clock_at);
  snapshot.vm_state_size = load_big<std::uint32_t>(from + vm_state_size_at);
  snapshot.extra_length = load_big<std::uint32_t>(from + extra_length_at);
  return snapshot;
}

void decode_extra_data(Snapshot& snapshot, std::span<const std::byte> extra) {
  if (extra.size() >= large_vm_state_size_at + 8) {
    snapshot.vm_state_size = load_big<std::uint64_t>(extra.data() + large_vm_state_size_at);
  }
  if (extra.size() >= icount_at + 8) {
    snapshot.icount = load_big<std::uint64_t>(extra.data() + icount_at);
  }
}

/// A text that ends at its first zero byte, as it does in QEMU.
std::string text_before_zero(std::span<const std::byte> bytes) {
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.substr(0, text.find('\0'));
}

void refuse_too_much_extra_data(const Snapshot& snapshot, std::size_t number) {
  if (snapshot.extra_length <= max_extra_length) return;
  throw Refusal("Too much extra metadata in snapshot table entry " + std::to_string(number),
                ErrorClass::generic,
                "You can force-remove this extra metadata with qemu-img check -r all");
}

[[noreturn]] void refuse_snapshots_beyond(std::uint32_t count) {
  throw Refusal("Snapshot table is too big", ErrorClass::generic,
                "You can force-remove all " + std::to_string(count) +
                    " overhanging snapshots with qemu-img check -r all");
}

io::Task<std::vector<std::byte>> read_part(io::Storage& file, HostOffset at, std::uint64_t size) {
  std::vector<std::byte> bytes(size);
  try {
    if (!can_be_read(at, {size})) throw IoError(EIO);
    if (size != 0) co_await file.read(at, bytes);
  } catch (const IoError& error) {
    throw IoError(error.code(), "Failed to read snapshot table");
  }
  co_return bytes;
}

}  // namespace

io::Task<SnapshotTable> read_snapshot_table(io::Storage& file, const Header& header) {
  SnapshotTable table;
  const HostOffset start = header.snapshots_offset;
  for (std::uint32_t i = 0; i < header.nb_snapshots; ++i) {
    HostOffset at{round_up(start.value + table.size.value, 8)};
    const std::vector<std::byte> fixed = co_await read_part(file, at, snapshot_fixed_bytes);
    Snapshot snapshot = decode_fixed_part(fixed.data());
    refuse_too_much_extra_data(snapshot, i);
    at += ByteCount{snapshot_fixed_bytes};
    const auto id_length = load_big<std::uint16_t>(fixed.data() + id_length_at);
    const auto name_length = load_big<std::uint16_t>(fixed.data() + name_length_at);
    const std::uint64_t length = std::uint64_t{snapshot.extra_length} + id_length + name_length;
    const std::vector<std::byte> rest = co_await read_part(file, at, length);
    const std::span<const std::byte> parts(rest);
    decode_extra_data(snapshot, parts.first(snapshot.extra_length));
    snapshot.id = text_before_zero(parts.subspan(snapshot.extra_length, id_length));
    snapshot.name = text_before_zero(parts.last(name_length));
    table.snapshots.push_back(std::move(snapshot));
    table.size = (at + ByteCount{length}) - start;
    if (table.size > max_snapshot_table_bytes) refuse_snapshots_beyond(header.nb_snapshots - i);
  }
  co_return table;
}

}  // namespace engine::qcow2
