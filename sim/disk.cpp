// SPDX-License-Identifier: MIT
#include "sim/disk.h"

#include <cerrno>
#include <sstream>
#include <string>

#include "engine/check.h"
#include "engine/error.h"
#include "sim/disk_storage.h"
#include "sim/world.h"

namespace sim {

using engine::io::Access;
using engine::io::Locking;
using engine::io::Storage;
using engine::io::Task;

namespace {

/// Why there is no file of that name, as a host's file system tells it.
int why_missing(const std::string& path) {
  constexpr std::size_t longest_name = 255;
  std::istringstream names(path);
  for (std::string name; std::getline(names, name, '/');) {
    if (name.size() > longest_name) return ENAMETOOLONG;
  }
  return ENOENT;
}

}  // namespace

Disk::Disk(World& world, Latency latency, Journal journal, DiskFiles files)
    : world_(world), latency_(latency), journal_(journal) {
  for (auto& [path, bytes] : files) {
    files_[path] = std::make_shared<DiskFile>(journal_, std::move(bytes));
  }
}

Task<std::unique_ptr<Storage>> Disk::open(const std::string& path, Access access, Locking locking) {
  if (directories_.contains(path)) {
    throw engine::Refusal("'file' driver requires '" + path + "' to be a regular file");
  }
  const auto file = files_.find(path);
  if (file == files_.end())
    throw engine::IoError(why_missing(path), "Could not open '" + path + "'");
  if (locking != Locking::off && file->second->unshared > 0) {
    throw engine::LockConflict("\"consistent read\"", path);
  }
  std::unique_ptr<Storage> storage =
      std::make_unique<DiskStorage>(*this, world_, latency_, file->second, path, access, locking);
  co_return storage;
}

Task<std::unique_ptr<Storage>> Disk::create(const std::string& path) {
  const std::string directory = path.substr(0, path.rfind('/'));
  const int error = directories_.contains(path)        ? EISDIR
                    : directories_.contains(directory) ? 0
                                                       : ENOENT;
  if (error != 0) throw engine::IoError(error, "Could not create '" + path + "'");
  if (watcher_ != nullptr && !watcher_->about_to({DiskOperation::Kind::create, path})) {
    co_await std::suspend_always();
  }
  std::shared_ptr<DiskFile>& file = files_[path];
  if (!file) file = std::make_shared<DiskFile>(journal_);
  std::unique_ptr<Storage> storage = std::make_unique<DiskStorage>(
      *this, world_, latency_, file, path, Access::read_write, Locking::on);
  file->resize(0);
  co_return storage;
}

std::vector<std::string> Disk::paths() const {
  std::vector<std::string> paths;
  for (const auto& [path, file] : files_) paths.push_back(path);
  return paths;
}

std::vector<Unflushed> Disk::unflushed() const {
  std::vector<Unflushed> all;
  for (const auto& [path, file] : files_) {
    for (Unflushed& change : file->unflushed(path)) all.push_back(std::move(change));
  }
  return all;
}

DiskFiles Disk::files() const {
  DiskFiles files;
  for (const auto& [path, file] : files_) files[path] = file->bytes();
  return files;
}

DiskFiles Disk::after_power_cut(const Kept& kept) const {
  const std::vector<Fate> fates = kept.fates(unflushed());
  std::span<const Fate> rest(fates);
  DiskFiles files;
  for (const auto& [path, file] : files_) {
    files[path] = file->after_power_cut(rest);
    rest = rest.subspan(file->unflushed_count());
  }
  return files;
}

void Disk::power_cut(const Kept& kept) {
  DiskFiles left = after_power_cut(kept);
  for (const auto& [path, file] : files_) {
    INVARIANT(file->readers == 0 && file->writers == 0);
    file->power_cut(std::move(left[path]));
  }
}

}  // namespace sim
