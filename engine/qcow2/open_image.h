// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/qcow2/corruption.h"
#include "engine/qcow2/requests.h"

namespace engine::qcow2 {

/// The image: its parts, what holds for it as a whole (broken or not, writable or not), and the
/// short way for requests that find everything in the cache and need not wait.
class OpenImage final : public Image {
 public:
  OpenImage(io::Runtime& runtime, io::Storage& file, HeaderFile header, CacheSizes caches)
      : parts_(runtime, file, std::move(header), caches) {}

  /// Reads the tables.
  io::Task<void> load();

  const Header& header() const override { return parts_.header.header(); }
  io::Storage& file() override { return parts_.file; }
  ByteCount length() const override { return parts_.length(); }
  ByteCount cluster_size() const override { return parts_.geometry.cluster_size(); }
  void set_backing(Backing* backing) override { parts_.backing = backing; }

  io::Task<void> read(GuestOffset offset, std::span<std::byte> buffer) override;
  io::Task<void> write(GuestOffset offset, std::span<const std::byte> data) override;
  io::Task<void> write_zeroes(GuestOffset offset, ByteCount length, io::Unmap unmap) override;
  io::Task<void> discard(GuestOffset offset, ByteCount length) override;
  io::Task<void> flush() override;
  io::Task<Extent> extent(GuestOffset offset, ByteCount length) override;

  io::Task<void> resize(ByteCount size) override;
  io::Task<void> set_backing_strings(const std::string& file, const std::string& format) override;
  io::Task<void> prepare_read_only() override;
  io::Task<void> prepare_read_write() override;
  io::Task<void> clear_unknown() override;

  io::Task<HostOffset> allocate_clusters(std::uint64_t count) override;
  io::Task<void> free_clusters(HostOffset first, std::uint64_t count) override;
  io::Task<void> flush_metadata() override;
  io::Task<void> write_header(const Header& header) override;
  io::Task<void> signal_corruption(const std::string& text) override;

 private:
  /// The place of a range that lies in data clusters, contiguous, found in the cache, with all of
  /// `flags` set, and where nobody is in the way; 0 if any of this is not so.
  HostOffset plain_place(GuestOffset offset, std::size_t size, std::uint64_t flags,
                         InFlight::Use use);
  /// Requires that the range lies within the disk and that the image still works.
  void check_request(GuestOffset offset, ByteCount length) const;
  /// Runs a request; if it meets broken metadata, the image is marked.
  template <class T>
  io::Task<T> guarded(io::Task<T> work);
  io::Task<void> guarded(io::Task<void> work);
  io::Task<HostOffset> allocate_locked(std::uint64_t count);

  Parts parts_;
  bool broken_ = false;
};

template <class T>
io::Task<T> OpenImage::guarded(io::Task<T> work) {
  std::optional<std::string> finding;
  std::optional<T> result;
  try {
    result = co_await work;
  } catch (const Corruption& corruption) {
    finding = corruption.finding();
  }
  if (finding) co_await signal_corruption(*finding);
  co_return *result;
}

}  // namespace engine::qcow2
