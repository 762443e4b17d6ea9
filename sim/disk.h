// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/io/runtime.h"
#include "engine/io/storage.h"
#include "sim/disk_file.h"

namespace sim {

class World;

/// What the files of a disk hold, by path.
using DiskFiles = std::map<std::string, SparseBytes>;

/// How long an operation takes in virtual time: a fixed part, a part for each KiB, and up to
/// `spread` times the fixed part as the Choice says. All zero: answers at once, nobody suspends.
struct Latency {
  engine::io::Nanoseconds operation{0};
  engine::io::Nanoseconds per_kib{0};
  unsigned spread = 0;

  bool instant() const { return operation.count() == 0 && per_kib.count() == 0; }
};

/// The profiles that the command line knows: no waiting at all, or about a fast SSD.
inline constexpr Latency instant_latency{};
inline constexpr Latency timed_latency{engine::io::Nanoseconds(50'000),
                                       engine::io::Nanoseconds(300), 3};

/// Something that is done to a file of a disk, about to take effect.
struct DiskOperation {
  enum class Kind { read, write, zero, resize, flush, create };
  Kind kind;
  std::string path;
  std::uint64_t offset = 0;  ///< of a resize: the new size
  std::uint64_t length = 0;
};

/// Is told of each operation of a disk before it takes effect, and may be its death: see Disk.
class DiskWatcher {
 public:
  virtual ~DiskWatcher() = default;
  /// Whether the operation takes effect; if not, its task never finishes.
  virtual bool about_to(const DiskOperation& operation) = 0;
};

/// A simulated disk: files in memory that outlive the processes which open them. It is the host of
/// those processes, with QEMU's locking between openings. I/O errors are layers above it; what ends
/// a machine (a crash, a loss of power) happens here.
class Disk : public engine::io::Host {
 public:
  /// The world must outlive the disk, and the disk what it has opened. Holds `files` to begin with.
  Disk(World& world, Latency latency, Journal journal, DiskFiles files = {});

  engine::io::Task<std::unique_ptr<engine::io::Storage>> open(const std::string& path,
                                                              engine::io::Access access,
                                                              engine::io::Locking locking) override;
  engine::io::Task<std::unique_ptr<engine::io::Storage>> create(const std::string& path) override;

  /// How long operations take from now on, of files that are open, too.
  void set_latency(Latency latency) { latency_ = latency; }
  /// Makes a directory; files are made in existing directories only.
  void add_directory(const std::string& path) { directories_.insert(path); }
  /// Paths of all files, sorted.
  std::vector<std::string> paths() const;
  /// Takes a file out of the directory; who has it open keeps it.
  void remove(const std::string& path) { files_.erase(path); }
  /// What no flush has made durable yet, in the order in which Kept numbers it.
  std::vector<Unflushed> unflushed() const;
  /// What all files hold now, page cache included.
  DiskFiles files() const;
  /// What they hold if the power fails now, and this is kept. Requires a journal.
  DiskFiles after_power_cut(const Kept& kept) const;
  /// The power fails. Requires a journal, and that nobody has a file open.
  void power_cut(const Kept& kept);

  /// Has `watcher` (not owned) told of each operation from now on; null: nobody.
  void watch(DiskWatcher* watcher) { watcher_ = watcher; }
  DiskWatcher* watcher() const { return watcher_; }

 private:
  World& world_;
  Latency latency_;
  Journal journal_;
  std::map<std::string, std::shared_ptr<DiskFile>> files_;
  std::set<std::string> directories_;
  DiskWatcher* watcher_ = nullptr;
};

}  // namespace sim
