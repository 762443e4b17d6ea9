// SPDX-License-Identifier: MIT
#include "sim/foreign/patches.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "sim/foreign/bytes.h"

namespace sim::foreign {

namespace {

constexpr std::size_t width = 8;

const std::map<std::string, std::uint64_t (*)(const TablePlaces&)>& tables() {
  static const std::map<std::string, std::uint64_t (*)(const TablePlaces&)> all{
      {"l1", [](const TablePlaces& places) { return places.named.l1; }},
      {"l2", [](const TablePlaces& places) { return places.l2; }},
      {"refcounts", [](const TablePlaces& places) { return places.named.refcount_table; }},
      {"block", [](const TablePlaces& places) { return places.block; }},
      {"snapshots", [](const TablePlaces& places) { return places.named.snapshot_table; }},
      {"bitmaps", [](const TablePlaces& places) { return places.named.bitmaps.start; }},
      {"file", [](const TablePlaces&) { return std::uint64_t{0}; }},
  };
  return all;
}

[[noreturn]] void malformed(const std::string& found) {
  throw Malformed{
      "PLACE+OFFSET^VALUE or PLACE+OFFSET=VALUE, a PLACE of "
      "l1, l2, refcounts, block, snapshots, bitmaps or file, numbers with 0x",
      "'" + found + "'"};
}

std::uint64_t number(const std::string& text, const std::string& whole) {
  const bool hex = text.starts_with("0x");
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] =
      std::from_chars(text.data() + (hex ? 2 : 0), end, value, hex ? 16 : 10);
  if (error != std::errc() || stop != end) malformed(whole);
  return value;
}

/// The piece that holds all of the number, if one does.
Patch* piece_with(File& file, std::uint64_t at) {
  const auto found = std::ranges::find_if(file.pieces, [at](const Patch& piece) {
    return piece.offset <= at && at + width <= piece.offset + piece.bytes.size();
  });
  return found == file.pieces.end() ? nullptr : &*found;
}

}  // namespace

TablePatch table_patch(const std::string& text) {
  const std::size_t plus = text.find('+');
  const std::size_t sign = text.find_first_of("^=");
  if (plus == std::string::npos || sign == std::string::npos || sign < plus) malformed(text);
  TablePatch patch{.table = text.substr(0, plus)};
  if (!tables().contains(patch.table)) malformed(text);
  patch.offset = number(text.substr(plus + 1, sign - plus - 1), text);
  patch.turns = text[sign] == '^';
  patch.value = number(text.substr(sign + 1), text);
  if (patch.offset > std::uint64_t{1} << 30) malformed(text);
  return patch;
}

void apply(File& file, const TablePlaces& places, const TablePatch& patch) {
  const std::uint64_t table = tables().at(patch.table)(places);
  if (table == 0 && patch.table != "file") throw Malformed{"an image that has one", patch.table};
  const std::uint64_t at = table + patch.offset;
  Patch* piece = piece_with(file, at);
  if (piece == nullptr) {
    file.pieces.push_back({at, Bytes(width)});
    file.size = std::max(file.size, at + width);
    piece = &file.pieces.back();
  }
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width; ++i)
    value = value << 8 | std::to_integer<unsigned>(piece->bytes[at - piece->offset + i]);
  put_number(piece->bytes, at - piece->offset, patch.turns ? value ^ patch.value : patch.value,
             width);
}

}  // namespace sim::foreign
