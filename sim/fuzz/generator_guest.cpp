// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>

#include "sim/fuzz/generator.h"

namespace sim::fuzz {

Generator::Place Generator::place(const View& view) {
  const std::uint64_t size = std::max<std::uint64_t>(view.size, 512);
  const std::uint64_t offset = std::min(aligned_below(size), size - 512);
  // Over many clusters, and from within one into the midst of another.
  if (chance(3)) {
    const std::uint64_t start = 512 * below(size / 512);
    return {start, 512 * (1 + below((size - start) / 512))};
  }
  const std::uint64_t room = chance(97) ? size - offset : size;
  const std::uint64_t length =
      std::max<std::uint64_t>(512, aligned_below(std::min(room, unit_ * 16)));
  if (chance(95)) return {offset, length};
  // S23: a single byte makes a granule dirty, too.
  return {offset + below(512), 1 + below(length)};
}

/// Where the last request was, or beside it in what clusters, granules and slices of tables have in
/// common. In a crowd there are two such places, so that who is at work in one table has others
/// wait.
Generator::Place Generator::place_near(const View& view) {
  const std::uint64_t size = std::max<std::uint64_t>(view.size, 512);
  if (crowds_ && chance(40)) std::swap(latest_, elsewhere_);
  const std::uint64_t window = one_of<std::uint64_t>({512, 4096, 65536, 65536, 262144});
  const std::uint64_t start = latest_.offset / window * window;
  const std::uint64_t offset = start + 512 * below(window / 512);
  if (offset >= size) return place(view);
  const std::uint64_t most = std::min(window, size - offset) / 512;
  return {offset, 512 * std::max<std::uint64_t>(1, below(most + 1))};
}

/// A request that is not waited for.
std::string Generator::async_request(const View& view) {
  return fmt::format("io {} {}", drive, async_words(view));
}

/// "aio_write -P 7 0 512"
std::string Generator::async_words(const View& view) {
  const Place at = chance(crowds_ ? 85 : 60) ? place_near(view) : place(view);
  latest_ = at;
  const std::string where = fmt::format("{} {}", at.offset, at.length);
  if (chance(8)) return "aio_read " + where;
  if (chance(30)) return fmt::format("aio_write -z{} {}", chance(50) ? " -u" : "", where);
  return fmt::format("aio_write -P {} {}", 1 + below(255), where);
}

/// One or several, and then perhaps somebody who meets them: who is waited for, or a command.
std::string Generator::async_burst(const View& view) {
  if (!faulty_.empty()) return guest_io(Kind::write, view);  // M52
  std::vector<std::string> lines;
  do lines.push_back(async_request(view));
  while (chance(crowds_ ? 80 : 55));
  if (chance(25)) {
    lines.push_back(
        guest_io(one_of<Kind>({Kind::write, Kind::zero, Kind::discard, Kind::read}), view));
  }
  if (chance(20)) lines.push_back("run " + std::to_string(1 + below(8)));
  if (chance(25)) {
    lines.push_back(chance(50) ? fmt::format("io {} aio_flush", drive) : "settle");
  } else if (chance(45)) {
    const Kind met = one_of(kinds_);
    if (met > Kind::read && met < Kind::fault) lines.push_back(line(met, view));
  }
  planned_.insert(planned_.begin(), lines.begin() + 1, lines.end());
  return lines.front();
}

std::string Generator::guest_io(Kind kind, const View& view) {
  if (kind == Kind::aio_write) return async_burst(view);
  const std::string node = chance(94) ? drive : node_of(view);
  if (kind == Kind::flush) return fmt::format("io {} {}flush", node, chance(70) ? "" : "aio_");
  const Place at = chance(25) ? place_near(view) : place(view);
  latest_ = at;
  const std::string where = fmt::format("{} {}", at.offset, at.length);
  switch (kind) {
    case Kind::read:
      return fmt::format("io {} {} {}", node, one_of<std::string>({"read", "readv", "aio_read"}),
                         where);
    case Kind::discard:
      return fmt::format("io {} discard {}", node, where);
    case Kind::zero:
      return fmt::format("io {} write -z{} {}", node, chance(50) ? " -u" : "", where);
    default: {
      const char* verb = chance(90) ? "write" : "writev";
      const std::uint64_t byte = 1 + below(255);
      const bool forced = byte % 8 == 0 && faulty_.empty();
      return fmt::format("io {} {}{} -P {} {}", node, verb, forced ? " -f" : "", byte, where);
    }
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
