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

/// A simulated disk: files in memory that outlive the processes which open them. It is the host of
/// those processes, with QEMU's locking between openings. Faults will be layers above it.
class Disk : public engine::io::Host {
 public:
  /// The world must outlive the disk.
  Disk(World& world, Latency latency, Journal journal)
      : world_(world), latency_(latency), journal_(journal) {}

  engine::io::Task<std::unique_ptr<engine::io::Storage>> open(const std::string& path,
                                                              engine::io::Access access,
                                                              engine::io::Locking locking) override;
  engine::io::Task<std::unique_ptr<engine::io::Storage>> create(const std::string& path) override;

  /// Makes a directory; files are made in existing directories only.
  void add_directory(const std::string& path) { directories_.insert(path); }
  /// Paths of all files, sorted.
  std::vector<std::string> paths() const;
  /// Takes a file out of the directory; who has it open keeps it.
  void remove(const std::string& path) { files_.erase(path); }
  /// The power fails for all files (see DiskFile). Requires that nobody has one open.
  void power_cut();

 private:
  World& world_;
  Latency latency_;
  Journal journal_;
  std::map<std::string, std::shared_ptr<DiskFile>> files_;
  std::set<std::string> directories_;
};

}  // namespace sim
