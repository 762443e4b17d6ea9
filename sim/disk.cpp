// SPDX-License-Identifier: MIT
#include "sim/disk.h"

#include <cerrno>

#include "engine/check.h"
#include "engine/error.h"
#include "sim/disk_storage.h"
#include "sim/world.h"

namespace sim {

using engine::io::Access;
using engine::io::Locking;
using engine::io::Storage;
using engine::io::Task;

Task<std::unique_ptr<Storage>> Disk::open(const std::string& path, Access access, Locking locking) {
  if (directories_.contains(path)) {
    throw engine::Refusal("'file' driver requires '" + path + "' to be a regular file");
  }
  const auto file = files_.find(path);
  if (file == files_.end()) throw engine::IoError(ENOENT, "Could not open '" + path + "'");
  std::unique_ptr<Storage> storage =
      std::make_unique<DiskStorage>(world_, latency_, file->second, path, access, locking);
  co_return storage;
}

Task<std::unique_ptr<Storage>> Disk::create(const std::string& path) {
  const std::string directory = path.substr(0, path.rfind('/'));
  const int error = directories_.contains(path)        ? EISDIR
                    : directories_.contains(directory) ? 0
                                                       : ENOENT;
  if (error != 0) throw engine::IoError(error, "Could not create '" + path + "'");
  std::shared_ptr<DiskFile>& file = files_[path];
  if (!file) file = std::make_shared<DiskFile>(journal_);
  std::unique_ptr<Storage> storage =
      std::make_unique<DiskStorage>(world_, latency_, file, path, Access::read_write, Locking::on);
  file->resize(0);
  co_return storage;
}

std::vector<std::string> Disk::paths() const {
  std::vector<std::string> paths;
  for (const auto& [path, file] : files_) paths.push_back(path);
  return paths;
}

void Disk::power_cut() {
  for (const auto& [path, file] : files_) {
    INVARIANT(file->readers == 0 && file->writers == 0);
    file->power_cut(world_.choice());
  }
}

}  // namespace sim
