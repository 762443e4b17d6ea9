// SPDX-License-Identifier: MIT
#include "sim/fuzz/generator.h"

#include <fmt/format.h>

#include <algorithm>

namespace sim::fuzz {

namespace {

/// Bitmaps share few names, so that they meet.
constexpr unsigned names_of_bitmaps = 3;
constexpr std::uint64_t deepest_chain = 5;

/// What every run may do, whatever else it does.
bool is_indispensable(Kind kind) {
  return kind == Kind::write || kind == Kind::add || kind >= Kind::see_bitmaps;
}

}  // namespace

Generator::Generator(std::uint64_t seed, const Profile& profile) : random_(seed) {
  choose_kinds(profile);
  may_be_wrong_ = profile.mishaps == 0;  // who judges those takes a wrong refcount for the engine's
  unit_ = one_of<std::uint64_t>({512, 512, 4096, 65536});
  unmap_ = chance(60);
  crowds_ = chance(25);
  if (chance(25)) caches_ = fmt::format(" l2-cache-size={0} refcount-cache-size={0}", 512);
  make_images();
}

void Generator::choose_kinds(const Profile& profile) {
  const unsigned share = 30 + static_cast<unsigned>(below(70));
  for (const Profile::Share& each : profile.shares) {
    if (is_indispensable(each.kind) || chance(share)) {
      kinds_.insert(kinds_.end(), each.weight, each.kind);
    }
  }
}

std::string Generator::next(const std::function<const View&()>& look) {
  if (planned_.empty()) {
    const View& view = look();
    view.file.empty() ? plug() : draw(view);
  }
  std::string text = std::move(planned_.front());
  planned_.pop_front();
  return text;
}

void Generator::draw(const View& view) {
  file_ = view.file;
  std::string first = line(one_of(kinds_), view);  // what it plans comes after it
  planned_.push_front(std::move(first));
}

/// Sizes that expose arithmetic faults (S116): odd numbers of sectors, tails of granules, and now
/// and then so many granules that the bits of one bitmap fill a small cluster, or two.
std::uint64_t Generator::disk_size() {
  if (chance(8)) return 2097152 + 2097152 * below(2) + 512 * (chance(50) ? below(200) : 0);
  // A sector before, at, and after the end of what an L2 table of clusters of 512 bytes or 4 KiB
  // maps.
  if (chance(8)) return (chance(70) ? 32768 * (1 + below(8)) : 2097152) + 512 * below(3) - 512;
  const std::uint64_t whole = std::uint64_t{65536} << below(5);
  const std::uint64_t odd = 512 * below(200);
  return chance(50) ? whole : chance(50) ? whole + odd : 512 + odd;
}

Generator::Format Generator::draw_format() {
  Format format;
  format.cluster = one_of<std::uint64_t>(
      {65536, 65536, 65536, 65536, 512, 512, 4096, 4096, 2097152, 2097152, 1024, 8192});
  if (format.cluster != 65536) format.options = fmt::format(" cluster_size={}", format.cluster);
  if (chance(12)) {
    format.version = 2;
    format.options += " compat=0.10";
  } else if (chance(8)) {
    format.refcount_bits = 1u << below(7);
    format.options += fmt::format(" refcount_bits={}", format.refcount_bits);
  }
  return format;
}

/// Has a layer hold something before another one is put on it.
void Generator::fill(std::uint64_t size) {
  planned_.push_back(fmt::format("drive {} {}", drive, file_));
  View view;
  view.size = size;
  for (std::uint64_t i = 1 + below(2); i > 0; --i) {
    const Place at = place(view);
    planned_.push_back(
        fmt::format("io {} write -P {} {} {}", drive, 1 + below(255), at.offset, at.length));
  }
  planned_.push_back(fmt::format("unplug {}", drive));
}

void Generator::make_images() {
  // Else all storage answers at once, and requests hardly meet.
  if (chance(60)) planned_.push_back(fmt::format("schedule {}", below(1000)));
  Format format = draw_format();
  const bool from_elsewhere = chance(25);
  const std::uint64_t layers = 1 + (chance(40) ? below(deepest_chain) : 0);
  for (std::uint64_t i = 0; i < layers; ++i) {
    const std::string below_this = file_;
    file_ = new_file();
    images_.push_back(file_);
    if (chance(20)) format = draw_format();
    const std::uint64_t size = disk_size();
    if (from_elsewhere && chance(70)) {
      planned_.push_back(foreign(format, size, below_this));
    } else {
      std::string text = fmt::format("create {} {}{}", file_, size, format.options);
      if (i > 0) text += fmt::format(" backing_file={} backing_fmt=qcow2", below_this);
      planned_.push_back(text);
    }
    if (i + 1 < layers && chance(40)) fill(size);
  }
  plug();
}

void Generator::plug() {
  std::string text = fmt::format("drive {} {} node-name={}", drive, file_, new_node());
  if (unmap_) text += " discard=unmap";
  text += caches_;
  if (chance(5)) text += " read-only=on";
  planned_.push_back(text);
}

std::uint64_t Generator::aligned_below(std::uint64_t bound) {
  return bound < unit_ ? 0 : unit_ * below(bound / unit_ + 1);
}

std::string Generator::node_of(const View& view) {
  if (view.nodes.empty() || chance(40)) return chance(97) ? drive : "nowhere";
  return one_of(view.nodes).name;
}

std::string Generator::job_of(const View& view) {
  return !view.jobs.empty() && chance(97) ? one_of(view.jobs).id : drive;
}

std::string Generator::bitmap_of(const View& view) {
  if (!view.bitmaps.empty() && chance(92)) {
    const View::Bitmap& bitmap = one_of(view.bitmaps);
    return fmt::format("node={} name={}", bitmap.node, bitmap.name);
  }
  return fmt::format("node={} name=b{}", node_of(view), below(names_of_bitmaps));
}

std::string Generator::line(Kind kind, const View& view) {
  if (kind <= Kind::read) return guest_io(kind, view);
  switch (kind) {
    case Kind::add:
      return add(view);
    case Kind::merge:
      return merge(view);
    case Kind::snapshot:
      return view.nodes.size() > deepest_chain ? commit(view) : snapshot(view);
    case Kind::commit:
      return commit(view);
    case Kind::job_verb:
      return view.jobs.empty() && chance(90) ? guest_io(Kind::write, view) : job_verb(view);
    case Kind::wait:
      return view.jobs.empty() && chance(90) ? commit(view) : wait();
    case Kind::pace:
      return fmt::format("run {}", 1 + below(20));
    case Kind::resize:
      return resize(view);
    case Kind::restart:
    case Kind::kill:
    case Kind::power:
      return end_process(kind);
    case Kind::cut_short:
      return cut_short(view);
    case Kind::fault:
      return fault(view);
    case Kind::fault_story:
      return tell(one_of(fault_stories()), view);
    case Kind::nonsense:
      return tell(one_of(nonsense()), view);
    case Kind::side_story:
      return tell(one_of(side_stories()), view);
    default:
      return kind >= Kind::see_bitmaps ? observe(kind, view) : bitmap_verb(kind, view);
  }
}

}  // namespace sim::fuzz
