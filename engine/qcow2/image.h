// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "engine/io/runtime.h"
#include "engine/io/storage.h"
#include "engine/io/units.h"
#include "engine/qcow2/open_for.h"

namespace engine::qcow2 {

struct Header;      // header.h: the header and its extensions, decoded
class BitmapStore;  // bitmap_store.h: the persistent bitmaps of an image

/// What a new image is made of; qemu-img's option names and defaults.
struct CreateOptions {
  ByteCount size{};
  ByteCount cluster_size{65536};  ///< 512 B to 2 MiB, a power of two
  unsigned version = 3;           ///< 2 (compat=0.10) or 3 (compat=1.1)
  unsigned refcount_bits = 16;    ///< 1 to 64, a power of two; version 2: 16 only
  std::string backing_file{};     ///< as it goes into the header; empty: none
  std::string backing_format{};   ///< e.g. "qcow2"; empty: none recorded
};

/// Throws Refusal for options that qemu-img refuses, in its words, and IoError as it fails.
void check_options(const CreateOptions& options);
/// Writes an empty image into `file`, which must be empty and writable, after check_options.
io::Task<void> create(io::Storage& file, const CreateOptions& options);

/// What lies under an image: whoever can be read where the image has no data of its own. Reads
/// beyond its end give zeros.
class Backing {
 public:
  virtual ~Backing() = default;
  virtual ByteCount length() const = 0;
  virtual io::Task<void> read(GuestOffset offset, std::span<std::byte> buffer) = 0;
  /// Whether the range is known to read as zeros without reading its data; false is always right,
  /// true saves the copying when a cluster is written for the first time.
  virtual io::Task<bool> reads_zero(GuestOffset offset, ByteCount length) {
    return io::Task<bool>::ready(length.value == 0 || offset.value >= this->length().value);
  }
};

/// What an image knows about a stretch of its contents (qemu-img map).
enum class ExtentKind {
  unallocated,  ///< nothing here: the backing file shows, or zeros where there is none
  zero,         ///< reads as zeros whatever lies below
  data          ///< clusters of its own
};
/// A stretch of one kind.
struct Extent {
  ExtentKind kind;
  ByteCount length;
};

/// Memory that an image may use for its tables.
struct CacheSizes {
  ByteCount l2{32 << 20};
  ByteCount refcount{1 << 20};
};

/// A qcow2 image (versions 2 and 3) in an opened file. See FORMAT.md for the bytes and ORDER.md for
/// what is written before what.
///
/// Any number of requests may be in flight; the caller keeps them below length(). Writes that
/// allocate the same cluster wait for each other, others do not. Everything that changes the image
/// as a whole (close, set_access, resize, the BitmapStore's operations) requires that no request is
/// in flight. Broken metadata marks the image corrupt and is refused with EIO.
class Image {
 public:
  /// Reads the header, the refcount table and the active L1 table, and looks at the snapshot table;
  /// does not touch a read-only file. A writable file gets unknown autoclear bits cleared. Throws
  /// Refusal in QEMU's words: not qcow2, unsupported features, a table that does not fit or cannot
  /// be read. What is opened for a check must be read-only.
  static io::Task<std::unique_ptr<Image>> open(io::Runtime& runtime, io::Storage& file,
                                               CacheSizes caches, OpenFor purpose = OpenFor::use);
  virtual ~Image() = default;

  virtual const Header& header() const = 0;
  virtual io::Storage& file() = 0;
  virtual ByteCount length() const = 0;
  virtual ByteCount cluster_size() const = 0;
  /// The backing file, shown through where nothing is allocated; not owned, may be null.
  virtual void set_backing(Backing* backing) = 0;

  virtual io::Task<void> read(GuestOffset offset, std::span<std::byte> buffer) = 0;
  virtual io::Task<void> write(GuestOffset offset, std::span<const std::byte> data) = 0;
  /// Makes the range read as zeros: zero clusters where the format has them and the range covers
  /// them, written zeros elsewhere.
  virtual io::Task<void> write_zeroes(GuestOffset offset, ByteCount length, io::Unmap unmap) = 0;
  /// Frees the clusters that lie wholly in the range (the disk's end counts as a cluster's end).
  /// Version 3 over a backing file leaves zero clusters, version 2 leaves such clusters alone
  /// (S110).
  virtual io::Task<void> discard(GuestOffset offset, ByteCount length) = 0;
  /// Writes all cached metadata and makes everything durable.
  virtual io::Task<void> flush() = 0;
  /// What is at `offset`, up to `length` bytes of the same kind; looks at this image alone.
  virtual io::Task<Extent> extent(GuestOffset offset, ByteCount length) = 0;

  /// Grows or shrinks the disk (a multiple of 512). Bitmaps are the caller's business.
  virtual io::Task<void> resize(ByteCount size) = 0;
  /// Changes the backing file and format strings of the header. Throws if they do not fit.
  virtual io::Task<void> set_backing_strings(const std::string& file,
                                             const std::string& format) = 0;
  /// Writes everything back; going read-only leaves a clean file. Does not change the access of the
  /// file, which has to be writable while this runs.
  virtual io::Task<void> prepare_read_only() = 0;
  /// For an image that was opened read-only and whose file has become writable: does what open()
  /// does for a writable file, but for refusing it.
  virtual io::Task<void> prepare_read_write() = 0;
  /// Clears in the header of a writable image what who writes it here does not keep right:
  /// autoclear features that nobody knows, and an extension of bitmaps without its bit. To be
  /// called before anything is written, when the bitmaps are marked in use: as QEMU has it, that
  /// comes first.
  virtual io::Task<void> clear_unknown() = 0;

  // For BitmapStore and check: the allocator and the header.

  /// A contiguous run of `count` new clusters, each with refcount 1 in the cache; contents
  /// undefined.
  virtual io::Task<HostOffset> allocate_clusters(std::uint64_t count) = 0;
  virtual io::Task<void> free_clusters(HostOffset first, std::uint64_t count) = 0;
  /// Writes dirty refcount blocks and L2 tables in their declared order, and flushes the file.
  virtual io::Task<void> flush_metadata() = 0;
  /// Replaces the header and its extensions on disk in one write, and flushes the file. Throws
  /// Refusal if they do not fit the first cluster, and then nothing has changed.
  virtual io::Task<void> write_header(const Header& header) = 0;
  /// Notes that metadata is broken, as `text` tells: sets the corrupt bit of a writable image,
  /// after which every request fails with ENOMEDIUM. Throws IoError (EIO) in any case.
  virtual io::Task<void> signal_corruption(const std::string& text) = 0;
};

}  // namespace engine::qcow2
