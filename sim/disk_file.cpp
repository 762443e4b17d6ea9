// SPDX-License-Identifier: MIT
#include "sim/disk_file.h"

#include <algorithm>

#include "engine/check.h"

namespace sim {

namespace {
constexpr std::uint64_t sector = 512;
}  // namespace

DiskFile::DiskFile(Journal journal, SparseBytes bytes)
    : journal_(journal), cache_(std::move(bytes)) {
  if (journal_ == Journal::on) durable_ = cache_;
}

void DiskFile::write(std::uint64_t offset, std::span<const std::byte> data) {
  cache_.write(offset, data);
  if (journal_ == Journal::off) return;
  note({Unflushed::Kind::write, offset, data.size(), {data.begin(), data.end()}});
}

void DiskFile::write_zeroes(std::uint64_t offset, std::uint64_t length) {
  cache_.write_zeroes(offset, length);
  if (journal_ == Journal::on) note({Unflushed::Kind::zero, offset, length, {}});
}

void DiskFile::resize(std::uint64_t size) {
  cache_.resize(size);
  if (journal_ == Journal::on) note({Unflushed::Kind::resize, size, 0, {}});
}

void DiskFile::note(Change change) { pending_.push_back(std::move(change)); }

void DiskFile::make_durable(std::uint64_t mark) {
  if (mark <= first_pending_) return;
  const auto end = pending_.begin() + static_cast<std::ptrdiff_t>(mark - first_pending_);
  for (auto change = pending_.begin(); change != end; ++change) apply(*change, durable_);
  pending_.erase(pending_.begin(), end);
  first_pending_ = mark;
}

void DiskFile::apply(const Change& change, SparseBytes& bytes) {
  switch (change.kind) {
    case Unflushed::Kind::write:
      return bytes.write(change.offset, change.data);
    case Unflushed::Kind::zero:
      return bytes.write_zeroes(change.offset, change.length);
    case Unflushed::Kind::resize:
      return bytes.resize(change.offset);
  }
}

void DiskFile::apply_torn(const Change& change, const Fate& fate, SparseBytes& bytes) {
  std::uint64_t number = 0;
  for (std::uint64_t at = 0; at < change.length; ++number) {
    const std::uint64_t step = sector - (change.offset + at) % sector;
    const std::uint64_t length = std::min(step, change.length - at);
    if (fate.sectors.contains(number)) {
      Change part{change.kind, change.offset + at, length, {}};
      if (part.kind == Unflushed::Kind::write) {
        const auto from = change.data.begin() + static_cast<std::ptrdiff_t>(at);
        part.data.assign(from, from + static_cast<std::ptrdiff_t>(length));
      }
      apply(part, bytes);
    }
    at += length;
  }
}

std::vector<Unflushed> DiskFile::unflushed(const std::string& path) const {
  std::vector<Unflushed> changes;
  for (const Change& change : pending_) {
    changes.push_back({change.kind, path, change.offset, change.length});
  }
  return changes;
}

SparseBytes DiskFile::after_power_cut(std::span<const Fate> fates) const {
  INVARIANT(journal_ == Journal::on);
  INVARIANT(fates.size() >= pending_.size());
  SparseBytes left = durable_;
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    if (fates[i].whole) {
      apply(pending_[i], left);
    } else if (!fates[i].sectors.empty()) {
      apply_torn(pending_[i], fates[i], left);
    }
  }
  return left;
}

void DiskFile::power_cut(SparseBytes left) {
  first_pending_ += pending_.size();
  pending_.clear();
  durable_ = left;
  cache_ = std::move(left);
}

}  // namespace sim
