// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <span>

#include "engine/block/bitmap_commands.h"
#include "engine/block/chain.h"
#include "engine/qmp/arguments.h"
#include "engine/qmp/commands.h"
#include "engine/qmp/session.h"

namespace engine::qmp {
namespace {

using nlohmann::json;
using Answer = io::Task<json>;

Answer dirty_ranges(Session& session, const json& arguments) {
  const block::BitmapAddress address{text(arguments, "node"), text(arguments, "name")};
  const block::NodeBitmap& bitmap = block::require_bitmap(session.layer, address);
  json ranges = json::array();
  for (const bitmap::Range& range : bitmap.bits.dirty_ranges()) {
    ranges.push_back({range.start.value, range.length.value});
  }
  return Answer::ready(json{{"ranges", std::move(ranges)}});
}

/// Runs of one byte value, put together piece by piece.
class Runs {
 public:
  void add(std::byte value, std::uint64_t length) {
    if (length_ != 0 && value == value_) {
      length_ += length;
      return;
    }
    finish();
    value_ = value;
    length_ = length;
  }
  void add(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const std::size_t length = run_length(bytes);
      add(bytes.front(), length);
      bytes = bytes.subspan(length);
    }
  }
  json take() {
    finish();
    return std::move(runs_);
  }

 private:
  /// memcmp with itself, one byte on, is fast where there are long runs: the usual case.
  static std::size_t run_length(std::span<const std::byte> bytes) {
    constexpr std::size_t step = 4096;
    std::size_t length = 1;
    while (length + step <= bytes.size() &&
           std::memcmp(&bytes[length], &bytes[length - 1], step) == 0) {
      length += step;
    }
    while (length < bytes.size() && bytes[length] == bytes.front()) ++length;
    return length;
  }
  void finish() {
    if (length_ == 0) return;
    runs_.push_back({start_, length_, std::to_integer<unsigned>(value_)});
    start_ += length_;
    length_ = 0;
  }

  json runs_ = json::array();
  std::uint64_t start_ = 0;
  std::uint64_t length_ = 0;
  std::byte value_{0};
};

Answer contents(Session& session, const json& arguments) {
  block::Node& node = block::require_bitmap_node(session.layer, text(arguments, "node"));
  constexpr std::size_t chunk = 1 << 20;
  std::vector<std::byte> buffer(chunk);
  Runs runs;
  GuestOffset at;
  const GuestOffset end{node.length().value};
  while (at < end) {
    const qcow2::Extent extent =
        co_await block::extent_above(session.layer.graph(), node, nullptr, at, end - at);
    std::uint64_t length = extent.length.value;
    if (extent.kind == qcow2::ExtentKind::data) {
      length = std::min<std::uint64_t>(length, chunk);
      const std::span<std::byte> bytes = std::span(buffer).first(length);
      co_await node.read(at, bytes);
      runs.add(bytes);
    } else {
      runs.add(std::byte{0}, length);
    }
    at += ByteCount{length};
  }
  co_return json{{"runs", runs.take()}};
}

}  // namespace

std::vector<Command> downstream_commands() {
  return {{"__org.blocktwin_dirty-ranges",
           {{"node", Type::string}, {"name", Type::string}},
           dirty_ranges},
          {"__org.blocktwin_contents", {{"node", Type::string}}, contents}};
}

}  // namespace engine::qmp
