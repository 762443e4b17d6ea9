// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "sim/fuzz/generator.h"

namespace sim::fuzz {

/// A range of an image's disk, of not too many clusters.
std::string Generator::foreign_range(const Format& format, std::uint64_t size) {
  const std::uint64_t unit = std::max<std::uint64_t>(format.cluster, 4096);
  const std::uint64_t start = unit * below(size / unit + 1);
  const std::uint64_t most = std::max<std::uint64_t>(131072 / unit, 1);
  return fmt::format("{}+{}", start, unit * (1 + below(most)));
}

/// One that is dirty all over has whole words, if that can be: then no bits are stored.
std::string Generator::foreign_bitmap(std::uint64_t size) {
  auto bits = static_cast<unsigned>(9 + below(12));
  const bool all = chance(30);
  const auto zeros = static_cast<unsigned>(std::countr_zero(size));
  if (all && zeros >= 15) bits = static_cast<unsigned>(9 + below(zeros - 14));
  std::string text = fmt::format(" bitmap=b{}:{}", foreign_bitmaps_++, 1u << bits);
  if (chance(70)) text += ":auto";
  if (chance(10)) text += ":in-use";
  if (all) return text + fmt::format(":0+{}", size);
  if (chance(30)) return text;
  const std::uint64_t start = 512 * below(size / 512);
  return text + fmt::format(":{}+{}", start, 512 * (1 + below(512)));
}

/// What guests left there.
std::string Generator::foreign_clusters(const Format& format, std::uint64_t size) {
  const std::string range = foreign_range(format, size);
  const bool filled = format.version < 3 || chance(70);
  if (!filled) return fmt::format(" {}={}", chance(40) ? "zeros" : "mapped-zeros", range);
  return fmt::format(" {}={}:{}", chance(50) ? "compressed" : "data", range, 1 + below(255));
}

/// Features that nobody knows, some of which the image has names for.
std::string Generator::foreign_incompatible() {
  const std::uint64_t bit = 6 + below(57);
  std::string text = fmt::format(" incompatible={}", bit);
  if (chance(50)) text += fmt::format(" incompatible={}", bit + 1);
  if (chance(50))
    text += fmt::format(" feature-name={}:f feature-name={}:g", bit + below(2), bit - 1);
  return text;
}

/// What only images of version 3 can have.
std::string Generator::foreign_feature(std::uint64_t size) {
  switch (below(13)) {
    case 0:
      return fmt::format(" extension={}:{}", 4096 + below(4096), below(33));
    case 1:
      return fmt::format(" compatible={}", 1 + below(63));
    case 2:
      return fmt::format(" autoclear={}", 2 + below(62));
    case 3:
      return fmt::format(" dirty={}", may_be_wrong_ ? below(3) : 0);
    case 4:
      return chance(20) ? foreign_incompatible() : std::string();
    case 5:
      return fmt::format(" fields={}", 8 * (1 + below(4)));
    default:
      return foreign_bitmap(size);
  }
}

/// What backs it, for the most part as `create` would say it.
std::string Generator::foreign_backing(const std::string& file) {
  if (chance(60)) return fmt::format(" backing_file={} backing_fmt=qcow2", file);
  if (chance(60)) return fmt::format(" backing_file={}", file);
  return fmt::format(R"( backing_fmt=qcow2 backing_file="json:{{\"driver\":\"qcow2\",\"file\":)"
                     R"({{\"driver\":\"file\",\"filename\":\"{}\"}}}}")",
                     file);
}

std::string Generator::foreign(const Format& format, std::uint64_t size,
                               const std::string& below_this) {
  std::string text = fmt::format("foreign {} {}{}", file_, size, format.options);
  unsigned snapshots = std::min(2u, (1u << std::min(format.refcount_bits, 8u)) - 2);
  for (std::uint64_t things = 1 + below(5); things > 0; --things)
    text += foreign_clusters(format, size);
  foreign_bitmaps_ = 0;
  for (std::uint64_t things = below(5); things > 0; --things) {
    if (snapshots > 0 && chance(40)) {
      text += fmt::format(" snapshot=s{}", snapshots--);
      if (format.version < 3 || chance(30)) text += ":16";
      text += foreign_clusters(format, size);
    } else if (format.version > 2 && chance(60)) {
      text += foreign_feature(size);
    } else {
      text += chance(50) ? fmt::format(" l1={}", 1 + below(3))
                         : fmt::format(" leaked={}", 1 + below(3));
    }
  }
  if (format.version > 2 && chance(30)) text += " compression=zstd";
  if (!below_this.empty()) return text + foreign_backing(below_this);
  return format.version > 2 && chance(3) ? text + " corrupt=on" : text;
}

}  // namespace sim::fuzz
