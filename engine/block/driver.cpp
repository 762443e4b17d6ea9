// SPDX-License-Identifier: MIT
#include "engine/block/driver.h"

namespace engine::block {
namespace {

HostOffset same_place(GuestOffset offset) { return {offset.value}; }

}  // namespace

io::Task<void> RawDriver::read(GuestOffset offset, std::span<std::byte> buffer) {
  return file_.read(same_place(offset), buffer);
}

io::Task<void> RawDriver::write(GuestOffset offset, std::span<const std::byte> data) {
  return file_.write(same_place(offset), data);
}

io::Task<void> RawDriver::write_zeroes(GuestOffset offset, ByteCount length, io::Unmap unmap) {
  return file_.write_zeroes(same_place(offset), length, unmap);
}

io::Task<void> RawDriver::discard(GuestOffset offset, ByteCount length) {
  return file_.write_zeroes(same_place(offset), length, io::Unmap::yes);
}

io::Task<qcow2::Extent> RawDriver::extent(GuestOffset, ByteCount length) {
  return io::Task<qcow2::Extent>::ready(qcow2::Extent{qcow2::ExtentKind::data, length});
}

io::Task<void> RawDriver::resize(ByteCount size) {
  co_await file_.resize(size);
  length_ = rounded_length();
}

}  // namespace engine::block
