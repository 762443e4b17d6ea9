// SPDX-License-Identifier: MIT
#include "engine/qcow2/parts.h"

#include <exception>

#include "engine/qcow2/corruption.h"

namespace engine::qcow2 {

ScratchBuffers::Buffer::Buffer(ScratchBuffers& pool, std::size_t size)
    : pool_(pool), size_(size), capacity_(size) {
  if (!pool.spare_.empty() && pool.spare_.back().capacity >= size) {
    bytes_ = std::move(pool.spare_.back().bytes);
    capacity_ = pool.spare_.back().capacity;
    pool.spare_.pop_back();
  } else {
    bytes_ = std::make_unique_for_overwrite<std::byte[]>(size);
  }
}

ScratchBuffers::Buffer::~Buffer() {
  if (pool_.spare_.size() < kept_buffers) pool_.spare_.push_back({std::move(bytes_), capacity_});
}

Parts::Parts(io::Runtime& runtime, io::Storage& storage, HeaderFile header_file, CacheSizes caches)
    : file(storage),
      header(std::move(header_file)),
      geometry(header.header().cluster_bits, header.header().refcount_order),
      order(storage),
      in_flight(runtime),
      refcounts(storage, header, geometry, caches.refcount, order, metadata, in_flight),
      mapping(storage, header, geometry, caches.l2, order, metadata, refcounts, frees),
      metadata_mutex(runtime) {
  // ORDER.md gives the reasons.
  order.declare(header, refcounts.blocks());
  order.declare(refcounts.blocks(), refcounts.table());
  order.declare(refcounts.table(), mapping.l2());
  order.declare(data, mapping.l2());
  order.declare(mapping.l2(), mapping.l1());
}

void refuse_write_to_metadata(const Parts& parts, HostRun run) {
  if (run.first.value != 0 && !parts.metadata.overlaps(run)) return;
  const Header& header = parts.header.header();
  const Geometry& geometry = parts.geometry;
  const HostRange written{geometry.start(run.first), geometry.start(run.end())};
  const auto within = [&](HostOffset start, std::uint64_t clusters) {
    const HostRange table{start, start + geometry.cluster_size() * clusters};
    return table.overlaps(written);
  };
  const std::uint64_t l1_clusters = geometry.clusters_for({header.l1_size * std::uint64_t{8}});
  const char* name = "active L2 table";
  if (run.first.value == 0)
    name = "qcow2_header";
  else if (within(header.l1_table_offset, l1_clusters))
    name = "active L1 table";
  else if (within(header.refcount_table_offset, header.refcount_table_clusters))
    name = "refcount table";
  throw Corruption(std::string("Preventing invalid write on metadata (overlaps with ") + name +
                   ")");
}

io::Task<void> read_file(Parts& parts, HostOffset at, std::span<std::byte> buffer) {
  const ByteCount length{buffer.size()};
  if (!parts.metadata.overlaps(parts.geometry.touched(at, length))) {
    co_await parts.file.read(at, buffer);
    co_return;
  }
  const io::Mutex::Guard guard = co_await parts.metadata_mutex.lock();
  co_await parts.file.read(at, buffer);
}

namespace {

io::Task<MappedRun> find_uncached_run(Parts& parts, GuestOffset at, ByteCount most) {
  const io::Mutex::Guard guard = co_await parts.metadata_mutex.lock();
  const Mapping::Slice slice = co_await parts.mapping.slice(parts.geometry.cluster_down(at));
  co_return parts.mapping.run_at(slice.bytes, at, most);
}

/// Frees what the tables on disk do not name any more. Of a run that fails to be freed a part
/// leaks; those behind it wait for the next flush.
io::Task<void> apply_frees(Parts& parts, std::vector<HostRun> runs) {
  const io::Mutex::Guard guard = co_await parts.metadata_mutex.lock();
  std::size_t begun = 0;
  std::exception_ptr error;
  try {
    while (begun < runs.size()) co_await parts.refcounts.release(runs[begun++]);
  } catch (...) {
    error = std::current_exception();
  }
  for (; begun < runs.size(); ++begun) parts.frees.add(runs[begun]);
  if (error != nullptr) std::rethrow_exception(error);
  co_await parts.order.write_back(parts.refcounts.blocks());
}

}  // namespace

io::Task<MappedRun> find_run(Parts& parts, GuestOffset at, ByteCount most) {
  const GuestCluster cluster = parts.geometry.cluster_down(at);
  const std::byte* slice = parts.mapping.cached_slice(cluster);
  if (slice == nullptr && !parts.mapping.has_no_table(cluster))
    return find_uncached_run(parts, at, most);
  return io::Task<MappedRun>::ready(parts.mapping.run_at(slice, at, most));
}

io::Task<void> flush_everything(Parts& parts) {
  std::vector<HostRun> freed;
  std::exception_ptr error;
  {
    const io::Mutex::Guard guard = co_await parts.metadata_mutex.lock();
    freed = parts.frees.take();
    try {
      co_await parts.order.write_back_all();
      co_await parts.order.make_durable();
    } catch (...) {
      error = std::current_exception();
    }
  }
  if (error != nullptr) {
    for (const HostRun run : freed) parts.frees.add(run);
    std::rethrow_exception(error);
  }
  if (!freed.empty()) co_await apply_frees(parts, std::move(freed));
}

}  // namespace engine::qcow2
