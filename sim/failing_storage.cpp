// SPDX-License-Identifier: MIT
#include "sim/failing_storage.h"

#include <utility>

#include "engine/error.h"

namespace sim {

using engine::ByteCount;
using engine::HostOffset;
using engine::io::Access;
using engine::io::Locking;
using engine::io::Runtime;
using engine::io::Storage;
using engine::io::Task;

FailingStorage::FailingStorage(std::unique_ptr<Storage> below, std::string path, Runtime& runtime,
                               FaultTable& faults)
    : below_(std::move(below)), path_(std::move(path)), runtime_(runtime), faults_(faults) {}

Task<void> FailingStorage::meet(Operation operation) {
  const int error = faults_.strike(path_, operation);
  if (error == 0) co_return;
  engine::io::sleep turn = engine::io::yield(runtime_);
  co_await turn;
  throw engine::IoError(error);
}

template <class Work>
Task<void> FailingStorage::attempt(Operation operation, Work work) {
  Task<void> fault = meet(operation);
  co_await fault;
  Task<void> task = work();
  co_await task;
}

Task<void> FailingStorage::set_access(Access access) { return below_->set_access(access); }

Task<void> FailingStorage::resize(ByteCount size) {
  if (faults_.empty()) return below_->resize(size);
  return attempt(Operation::write, [=, this] { return below_->resize(size); });
}

Task<void> FailingStorage::read(HostOffset offset, std::span<std::byte> buffer) {
  if (faults_.empty()) return below_->read(offset, buffer);
  return attempt(Operation::read, [=, this] { return below_->read(offset, buffer); });
}

Task<void> FailingStorage::write(HostOffset offset, std::span<const std::byte> data) {
  if (faults_.empty()) return below_->write(offset, data);
  return attempt(Operation::write, [=, this] { return below_->write(offset, data); });
}

Task<void> FailingStorage::write_zeroes(HostOffset offset, ByteCount length,
                                        engine::io::Unmap unmap) {
  if (faults_.empty()) return below_->write_zeroes(offset, length, unmap);
  return attempt(Operation::write,
                 [=, this] { return below_->write_zeroes(offset, length, unmap); });
}

Task<void> FailingStorage::flush() {
  if (faults_.empty()) return below_->flush();
  return attempt(Operation::flush, [this] { return below_->flush(); });
}

Task<std::unique_ptr<Storage>> FailingHost::open(const std::string& path, Access access,
                                                 Locking locking) {
  std::unique_ptr<Storage> file = co_await below_.open(path, access, locking);
  co_return std::make_unique<FailingStorage>(std::move(file), path, runtime_, faults_);
}

Task<std::unique_ptr<Storage>> FailingHost::create(const std::string& path) {
  std::unique_ptr<Storage> file = co_await below_.create(path);
  co_return std::make_unique<FailingStorage>(std::move(file), path, runtime_, faults_);
}

}  // namespace sim
