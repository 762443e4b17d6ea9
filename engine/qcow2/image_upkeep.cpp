// SPDX-License-Identifier: MIT
#include <cerrno>
#include <optional>

#include "engine/qcow2/corruption.h"
#include "engine/qcow2/open_image.h"
#include "engine/qcow2/repair.h"

// What is done to an image as a whole: its header, turning it writable and read-only, and what the
// bitmap store needs.

namespace engine::qcow2 {

io::Task<void> OpenImage::set_backing_strings(const std::string& file, const std::string& format) {
  Header changed = parts_.header.header();
  changed.backing_file = file;
  changed.backing_format = format;
  const io::Mutex::Guard guard = co_await parts_.metadata_mutex.lock();
  co_await parts_.header.replace(std::move(changed));
}

io::Task<void> OpenImage::prepare_read_only() {
  co_await flush();
  // What the first flush set free is on its way to the file, but not durable.
  co_await flush();
}

io::Task<void> OpenImage::prepare_read_write() {
  if (header().has(incompatible::dirty)) {
    co_await repair(parts_.file, parts_.header);
    parts_.metadata = {};
    co_await load();
  }
}

io::Task<void> OpenImage::clear_unknown() {
  Header cleaned = header();
  cleaned.autoclear_features &= autoclear::bitmaps;
  // Without its bit the extension tells of bitmaps that missed some writes.
  if (cleaned.autoclear_features == 0) cleaned.bitmaps.reset();
  if (cleaned == header()) co_return;
  const io::Mutex::Guard guard = co_await parts_.metadata_mutex.lock();
  try {
    co_await parts_.header.replace(std::move(cleaned));
  } catch (const IoError& error) {
    throw IoError(error.code(), "Could not update qcow2 header");
  }
}

io::Task<HostOffset> OpenImage::allocate_locked(std::uint64_t count) {
  const io::Mutex::Guard guard = co_await parts_.metadata_mutex.lock();
  const HostRun run = co_await parts_.refcounts.allocate(count, count);
  co_return parts_.geometry.start(run.first);
}

io::Task<HostOffset> OpenImage::allocate_clusters(std::uint64_t count) {
  if (broken_) throw IoError(ENOMEDIUM);
  return guarded(allocate_locked(count));
}

io::Task<void> OpenImage::free_clusters(HostOffset first, std::uint64_t count) {
  const io::Mutex::Guard guard = co_await parts_.metadata_mutex.lock();
  const HostRun run = parts_.geometry.run(first, count);
  co_await parts_.refcounts.release(run);
}

io::Task<void> OpenImage::flush_metadata() { return flush(); }

io::Task<void> OpenImage::write_header(const Header& header) {
  Header next = header;
  const io::Mutex::Guard guard = co_await parts_.metadata_mutex.lock();
  // Where the tables lie is not the caller's business, and may have changed since it looked.
  const Header& current = parts_.header.header();
  next.size = current.size;
  next.l1_size = current.l1_size;
  next.l1_table_offset = current.l1_table_offset;
  next.refcount_table_offset = current.refcount_table_offset;
  next.refcount_table_clusters = current.refcount_table_clusters;
  co_await parts_.header.replace(std::move(next));
}

io::Task<void> OpenImage::signal_corruption(const std::string& text) {
  const bool writable = parts_.file.access() == io::Access::read_write;
  if (writable && !broken_) {
    broken_ = true;
    const io::Mutex::Guard guard = co_await parts_.metadata_mutex.lock();
    Header marked = parts_.header.header();
    if (marked.version >= 3) marked.incompatible_features |= incompatible::corrupt;
    // The image is of no use any more, whether or not that can be written down.
    try {
      co_await parts_.header.replace(std::move(marked));
    } catch (const IoError&) {
    }
  }
  throw IoError(EIO, text);
}

}  // namespace engine::qcow2
