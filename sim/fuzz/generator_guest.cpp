// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>

#include "sim/fuzz/generator.h"

namespace sim::fuzz {

Generator::Place Generator::place(const View& view) {
  const std::uint64_t size = std::max<std::uint64_t>(view.size, 512);
  const std::uint64_t offset = std::min(aligned_below(size), size - 512);
  const std::uint64_t room = chance(97) ? size - offset : size;
  const std::uint64_t length =
      std::max<std::uint64_t>(512, aligned_below(std::min(room, unit_ * 16)));
  if (chance(95)) return {offset, length};
  // S23: a single byte makes a granule dirty, too.
  return {offset + below(512), 1 + below(length)};
}

std::string Generator::after_flight(const Place& place, std::string text) {
  const auto meets = [&](const Place& other) { return place.overlaps(other); };
  if (std::ranges::none_of(in_flight_, meets)) return text;
  in_flight_.clear();
  planned_.push_front(std::move(text));
  return fmt::format("io {} aio_flush", drive);
}

std::string Generator::async_write(const View& view) {
  const Place at = place(view);
  // Some are waited for at once, most are in flight when other things happen.
  if (chance(25)) planned_.push_back(fmt::format("io {} aio_flush", drive));
  std::string text =
      fmt::format("io {} aio_write -P {} {} {}", drive, 1 + below(255), at.offset, at.length);
  text = after_flight(at, std::move(text));
  in_flight_.push_back(at);
  return text;
}

std::string Generator::guest_io(Kind kind, const View& view) {
  if (kind == Kind::aio_write) return async_write(view);
  const std::string node = chance(97) ? drive : node_of(view);
  if (kind == Kind::flush) {
    if (chance(70)) return fmt::format("io {} flush", node);
    if (node == drive) in_flight_.clear();
    return fmt::format("io {} aio_flush", node);
  }
  const Place at = place(view);
  const std::string where = fmt::format("{} {}", at.offset, at.length);
  switch (kind) {
    case Kind::read:
      return fmt::format("io {} {} {}", node, one_of<std::string>({"read", "readv", "aio_read"}),
                         where);
    case Kind::discard:
      return after_flight(at, fmt::format("io {} discard {}", node, where));
    case Kind::zero:
      return after_flight(at,
                          fmt::format("io {} write -z{} {}", node, chance(50) ? " -u" : "", where));
    default:
      return after_flight(at, fmt::format("io {} {} -P {} {}", node,
                                          chance(90) ? "write" : "writev", 1 + below(255), where));
  }
}

}  // namespace sim::fuzz
