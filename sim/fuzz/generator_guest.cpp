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

bool Generator::meets_flight(const Place& place) const {
  return std::ranges::any_of(in_flight_, [&](const Place& other) { return place.overlaps(other); });
}

std::string Generator::after_flight(const Place& place, std::string text) {
  if (!meets_flight(place)) return text;
  in_flight_.clear();
  planned_.push_front(std::move(text));
  return fmt::format("io {} aio_flush", drive);
}

std::string Generator::async_write(const View& view) {
  const Place at = place(view);
  // Some are waited for at once, most are in flight when other things happen.
  if (chance(25)) planned_.push_back(fmt::format("io {} aio_flush", drive));
  const auto line = [this](const Place& to) {
    return fmt::format("io {} aio_write -P {} {} {}", drive, 1 + below(255), to.offset, to.length);
  };
  std::string text = after_flight(at, line(at));
  in_flight_.push_back(at);
  while (chance(40)) {
    const Place other = place(view);
    if (meets_flight(other)) break;
    planned_.push_front(line(other));
    in_flight_.push_back(other);
  }
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

/// Now and then it stays so; else the guest meets it, and it is over. Not flushes: after one that
/// fails a real QEMU may leave a corrupt image (N2 of the ledger).
std::string Generator::fault(const View& view) {
  if (!faulty_.empty() && chance(60)) {
    const std::string file = faulty_.back();
    // While a job copies, nobody knows what it has met (M50): then it stays as it is.
    if (view.jobs.empty()) faulty_.pop_back();
    return fmt::format("fail {} off", file);
  }
  const std::string file = chance(60) ? file_ : one_of(images_);
  std::string text =
      fmt::format("fail {} {}", file, one_of<std::string>({"read", "write", "write"}));
  if (chance(40)) text += " once";
  if (chance(30)) text += " error=ENOSPC";
  if (chance(15)) text += fmt::format(" after={}", 1 + below(4));
  in_flight_.clear();  // a fault comes when nothing is in flight
  faulty_.push_back(file);
  if (chance(30)) return text;
  for (std::uint64_t i = 1 + below(3); i > 0; --i) {
    const Kind kind = one_of<Kind>(
        {Kind::write, Kind::write, Kind::zero, Kind::discard, Kind::read, Kind::flush});
    planned_.push_back(guest_io(kind, view));
  }
  planned_.push_back(fmt::format("fail {} off", file));
  return text;
}

std::vector<std::string> Generator::repairs() const {
  std::vector<std::string> lines;
  for (const std::string& file : faulty_) lines.push_back(fmt::format("fail {} off", file));
  return lines;
}

}  // namespace sim::fuzz
