// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <vector>

#include "engine/io/checked_storage.h"
#include "engine/qcow2/image.h"
#include "tests/engine/memory_storage.h"

namespace tests {

using namespace engine::qcow2;
using Bytes = std::vector<std::byte>;

/// Bytes that tell which write they came from and where in it they lie.
Bytes pattern(std::size_t size, unsigned id);
Bytes slice(const Bytes& bytes, std::size_t at, std::size_t size);
Bytes joined(Bytes first, const Bytes& second);

/// A backing of plain bytes.
class FlatBacking final : public Backing {
 public:
  explicit FlatBacking(Bytes contents) : bytes(std::move(contents)) {}
  ByteCount length() const override { return {bytes.size()}; }
  io::Task<void> read(GuestOffset offset, std::span<std::byte> buffer) override;
  Bytes bytes;
};

/// An image in memory whose storage checks the contract; every verb waits until it is done.
class Disk {
 public:
  explicit Disk(CreateOptions options, CacheSizes caches = {}, std::uint64_t seed = 1);
  ~Disk();

  Bytes read(std::uint64_t at, std::uint64_t size);
  void write(std::uint64_t at, const Bytes& data);
  void write_zeroes(std::uint64_t at, std::uint64_t size, io::Unmap unmap);
  void discard(std::uint64_t at, std::uint64_t size);
  void flush();
  void resize(std::uint64_t size);
  Extent extent(std::uint64_t at, std::uint64_t size);

  void set_backing(Backing* backing);
  /// Closes the image properly.
  void close();
  /// Forgets the image as it is, without a word to the file.
  void kill() { image_.reset(); }
  void open(io::Access access);
  void reopen();

  Image& image() { return *image_; }
  MemoryStorage& file() { return *memory_; }
  TestRuntime& runtime() { return runtime_; }
  template <class T>
  T run(io::Task<T> task) {
    return runtime_.run(std::move(task));
  }
  /// What an own, simple check of the metadata finds wrong; empty: nothing. `leaks_allowed`: too
  /// high a refcount is fine.
  std::string check(bool leaks_allowed = false) const;

 private:
  TestRuntime runtime_;
  MemoryStorage* memory_;
  io::CheckedStorage storage_;
  CacheSizes caches_;
  Backing* backing_ = nullptr;
  std::unique_ptr<Image> image_;
};

}  // namespace tests
