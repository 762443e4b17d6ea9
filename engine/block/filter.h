// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "engine/block/node.h"

namespace engine::block {

/// Passes everything on to the node below, and has nothing of its own: what a commit puts on top of
/// the node that it takes away. It may have bitmaps.
class FilterDriver final : public Driver {
 public:
  enum class Naming { by_client, generated };

  /// `format` is "mirror_top" or "commit_top". Requires that `below` outlives the driver.
  FilterDriver(std::string format, Naming naming, Node& below)
      : format_(std::move(format)), naming_(naming), below_(below) {}

  std::string_view format() const override { return format_; }
  ByteCount length() const override { return below_.length(); }
  io::Task<void> read(GuestOffset offset, std::span<std::byte> buffer) override {
    return below_.read(offset, buffer);
  }
  io::Task<void> write(GuestOffset offset, std::span<const std::byte> data) override {
    return below_.write(offset, data);
  }
  io::Task<void> write_zeroes(GuestOffset offset, ByteCount length, io::Unmap unmap) override {
    return below_.write_zeroes(offset, length, unmap);
  }
  io::Task<void> discard(GuestOffset offset, ByteCount length) override {
    return below_.discard(offset, length);
  }
  io::Task<void> flush() override { return below_.flush(); }
  io::Task<qcow2::Extent> extent(GuestOffset, ByteCount length) override {
    return io::Task<qcow2::Extent>::ready(qcow2::Extent{qcow2::ExtentKind::unallocated, length});
  }
  io::Task<void> resize(ByteCount size) override { return below_.resize(size); }
  const Node* filtered() const override { return &below_; }
  bool implicit() const override { return naming_ == Naming::generated; }

 private:
  std::string format_;
  Naming naming_;
  Node& below_;
};

}  // namespace engine::block
