// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/io/checked_storage.h"
#include "engine/io/file_host.h"
#include "engine/io/file_loop.h"
#include "engine/qcow2/bitmap_store.h"
#include "engine/qcow2/check.h"
#include "engine/qcow2/image.h"
#include "tests/engine/io_process.h"
#include "tests/temp_dir.h"

namespace tests {

using namespace engine;
using namespace engine::qcow2;

/// A run of dirty bytes.
struct Run {
  std::uint64_t offset;
  std::uint64_t length;
  friend bool operator==(const Run&, const Run&) = default;
};
std::ostream& operator<<(std::ostream& to, const Run& run);

std::vector<Run> runs_of(const bitmap::DirtyBits& bits);
bitmap::DirtyBits bits_with(std::uint64_t disk_size, std::uint64_t granularity,
                            const std::vector<Run>& dirty);

/// A qcow2 file in a scratch directory that QEMU's tools and our engine work on in turn.
class ImageFile {
 public:
  /// Made by qemu-img; `options` as after -o.
  explicit ImageFile(const std::string& size, const std::string& options = "cluster_size=64k");
  /// In a directory of the caller's.
  ImageFile(const std::string& directory, const std::string& size, const std::string& options);
  ~ImageFile();

  const std::string& path() const { return path_; }

  // By QEMU's tools.
  void qemu_io(const std::string& command);
  void qemu_add_bitmap(const std::string& name, std::uint64_t granularity);
  /// What qemu-nbd and nbdinfo say is dirty.
  std::vector<Run> qemu_dirty(const std::string& bitmap);
  /// "name granularity flags" of each bitmap in qemu-img info.
  std::vector<std::string> qemu_bitmaps();
  /// The status and first line of qemu-img check; status 0: no errors.
  Outcome qemu_check();
  /// Why qemu-img cannot open the image; empty if it can.
  std::string qemu_refusal();

  // By the engine.
  BitmapStore& open(io::Access access = io::Access::read_write);
  /// Closes in good order.
  void close();
  /// Lets go of the file without a word.
  void kill();
  Image& image() { return *image_; }
  void store(const std::string& name, const bitmap::DirtyBits& bits, bool auto_record = true);
  std::vector<StoredBitmap> load();
  std::string refusal();
  CheckReport check();

  /// Overwrites bytes of the file with a big-endian number of `width` bytes.
  void patch(std::uint64_t offset, std::uint64_t number, unsigned width);
  std::uint64_t peek(std::uint64_t offset, unsigned width);

  template <class T>
  T run(io::Task<T> task) {
    return loop_.run(std::move(task));
  }

 private:
  TempDir dir_;
  std::string path_;
  io::FileLoop loop_;
  io::FileHost files_;
  io::CheckedHost host_{files_};
  std::unique_ptr<io::Storage> file_;
  std::unique_ptr<Image> image_;
  std::unique_ptr<BitmapStore> store_;
};

}  // namespace tests
