// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "engine/io/storage.h"
#include "engine/io/units.h"
#include "engine/qcow2/image.h"

namespace engine::block {

class Node;

/// What a node does with a request: the format below the common rules of nodes. The node above
/// checks ranges, keeps overlapping requests apart and marks dirty bits; a driver does none of it.
class Driver {
 public:
  virtual ~Driver() = default;

  /// "file", "raw" or "qcow2".
  virtual std::string_view format() const = 0;
  /// The size of the disk; a multiple of 512.
  virtual ByteCount length() const = 0;
  virtual io::Task<void> read(GuestOffset offset, std::span<std::byte> buffer) = 0;
  virtual io::Task<void> write(GuestOffset offset, std::span<const std::byte> data) = 0;
  virtual io::Task<void> write_zeroes(GuestOffset offset, ByteCount length, io::Unmap unmap) = 0;
  virtual io::Task<void> discard(GuestOffset offset, ByteCount length) = 0;
  virtual io::Task<void> flush() = 0;
  /// What this layer alone has at `offset`, up to `length` bytes.
  virtual io::Task<qcow2::Extent> extent(GuestOffset offset, ByteCount length) = 0;
  virtual io::Task<void> resize(ByteCount size) = 0;

  /// Called before the file below turns read-only, and after it has turned writable.
  virtual io::Task<void> prepare_read_only() { return io::Task<void>::ready(); }
  virtual io::Task<void> prepare_read_write() { return io::Task<void>::ready(); }

  /// The opened image of a format that has clusters, backing files and bitmaps; else null.
  virtual qcow2::Image* image() { return nullptr; }
  virtual const qcow2::Image* image() const { return nullptr; }
  /// What a filter passes requests on to; null for all others.
  virtual const Node* filtered() const { return nullptr; }
  /// Whether it is a filter that nobody has named: query-block passes it over.
  virtual bool implicit() const { return false; }
};

/// Bytes as they lie in a file; also the protocol node below every format node. A file whose length
/// is no multiple of 512 shows zeros up to the next.
class RawDriver : public Driver {
 public:
  /// Requires that `file` outlives the driver.
  explicit RawDriver(io::Storage& file) : file_(file), length_(rounded_length()) {}

  std::string_view format() const override { return "raw"; }
  ByteCount length() const override { return length_; }
  io::Task<void> read(GuestOffset offset, std::span<std::byte> buffer) override;
  io::Task<void> write(GuestOffset offset, std::span<const std::byte> data) override;
  io::Task<void> write_zeroes(GuestOffset offset, ByteCount length, io::Unmap unmap) override;
  io::Task<void> discard(GuestOffset offset, ByteCount length) override;
  io::Task<void> flush() override { return file_.flush(); }
  io::Task<qcow2::Extent> extent(GuestOffset offset, ByteCount length) override;
  io::Task<void> resize(ByteCount size) override;
  io::Task<void> prepare_read_only() override { return flush(); }

 protected:
  ByteCount rounded_length() const { return {round_up(file_.size().value, 512)}; }

 private:
  io::Storage& file_;
  ByteCount length_;
};

/// The protocol node: as raw, but follows the length of its file.
class FileDriver final : public RawDriver {
 public:
  explicit FileDriver(io::Storage& file) : RawDriver(file) {}
  std::string_view format() const override { return "file"; }
  ByteCount length() const override { return rounded_length(); }
};

/// A qcow2 image.
class Qcow2Driver final : public Driver {
 public:
  explicit Qcow2Driver(std::unique_ptr<qcow2::Image> image) : image_(std::move(image)) {}

  std::string_view format() const override { return "qcow2"; }
  ByteCount length() const override { return image_->length(); }
  io::Task<void> read(GuestOffset offset, std::span<std::byte> buffer) override {
    return image_->read(offset, buffer);
  }
  io::Task<void> write(GuestOffset offset, std::span<const std::byte> data) override {
    return image_->write(offset, data);
  }
  io::Task<void> write_zeroes(GuestOffset offset, ByteCount length, io::Unmap unmap) override {
    return image_->write_zeroes(offset, length, unmap);
  }
  io::Task<void> discard(GuestOffset offset, ByteCount length) override {
    return image_->discard(offset, length);
  }
  io::Task<void> flush() override { return image_->flush(); }
  io::Task<qcow2::Extent> extent(GuestOffset offset, ByteCount length) override {
    return image_->extent(offset, length);
  }
  io::Task<void> resize(ByteCount size) override { return image_->resize(size); }
  io::Task<void> prepare_read_only() override { return image_->prepare_read_only(); }
  io::Task<void> prepare_read_write() override { return image_->prepare_read_write(); }
  qcow2::Image* image() override { return image_.get(); }
  const qcow2::Image* image() const override { return image_.get(); }

 private:
  std::unique_ptr<qcow2::Image> image_;
};

}  // namespace engine::block
