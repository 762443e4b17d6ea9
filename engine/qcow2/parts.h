// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <vector>

#include "engine/io/sync.h"
#include "engine/qcow2/deferred_frees.h"
#include "engine/qcow2/image.h"
#include "engine/qcow2/in_flight.h"
#include "engine/qcow2/mapping.h"

namespace engine::qcow2 {

/// Buffers for copying clusters, kept for the next request.
class ScratchBuffers {
 public:
  /// A buffer of at least `size` bytes; goes back when it is destroyed.
  class Buffer {
   public:
    Buffer(ScratchBuffers& pool, std::size_t size);
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer();
    std::span<std::byte> bytes() const { return {bytes_.get(), size_}; }

   private:
    ScratchBuffers& pool_;
    std::unique_ptr<std::byte[]> bytes_;
    std::size_t size_;
    std::size_t capacity_;
  };

 private:
  static constexpr std::size_t kept_buffers = 4;
  struct Spare {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t capacity;
  };
  std::vector<Spare> spare_;
};

/// What an image is made of; the requests work on it. The order of writing is declared here.
struct Parts {
  Parts(io::Runtime& runtime, io::Storage& file, HeaderFile header, CacheSizes caches);
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  ByteCount length() const { return header.header().size; }
  unsigned version() const { return header.header().version; }

  io::Storage& file;
  HeaderFile header;
  Geometry geometry;
  WriteOrder order;
  DataWrites data;
  MetadataMap metadata;
  InFlight in_flight;
  DeferredFrees frees;
  Refcounts refcounts;
  Mapping mapping;
  /// Held while tables are looked up that may not be cached, and while they change.
  io::Mutex metadata_mutex;
  Backing* backing = nullptr;
  ScratchBuffers scratch;
};

/// Throws Corruption if a request would write over the image's own tables.
void refuse_write_to_metadata(const Parts& parts, HostRun run);

/// Fills a buffer from the file. Where a broken image has its tables, not while they change.
io::Task<void> read_file(Parts& parts, HostOffset at, std::span<std::byte> buffer);

/// The run at `at`, found in the cache or read from the file; takes the metadata mutex if it must.
io::Task<MappedRun> find_run(Parts& parts, GuestOffset at, ByteCount most);

/// Writes all cached tables in their order and makes them and all data durable; then what they do
/// not need any more becomes free. Takes the metadata mutex.
io::Task<void> flush_everything(Parts& parts);

}  // namespace engine::qcow2
