// SPDX-License-Identifier: MIT
#include "sim/disk_file.h"

#include <algorithm>

#include "engine/check.h"

namespace sim {

namespace {
constexpr std::uint64_t sector = 512;
}  // namespace

void DiskFile::write(std::uint64_t offset, std::span<const std::byte> data) {
  cache_.write(offset, data);
  if (journal_ == Journal::off) return;
  note({Change::Kind::write, offset, data.size(), {data.begin(), data.end()}});
}

void DiskFile::write_zeroes(std::uint64_t offset, std::uint64_t length) {
  cache_.write_zeroes(offset, length);
  if (journal_ == Journal::on) note({Change::Kind::zero, offset, length, {}});
}

void DiskFile::resize(std::uint64_t size) {
  cache_.resize(size);
  if (journal_ == Journal::on) note({Change::Kind::resize, size, 0, {}});
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
    case Change::Kind::write:
      return bytes.write(change.offset, change.data);
    case Change::Kind::zero:
      return bytes.write_zeroes(change.offset, change.length);
    case Change::Kind::resize:
      return bytes.resize(change.offset);
  }
}

void DiskFile::apply_torn(const Change& change, SparseBytes& bytes, Choice& choice) {
  for (std::uint64_t at = 0; at < change.length;) {
    const std::uint64_t step = sector - (change.offset + at) % sector;
    const std::uint64_t length = std::min(step, change.length - at);
    if (choice.pick(2) == 0) {
      Change part{change.kind, change.offset + at, length, {}};
      if (part.kind == Change::Kind::write) {
        const auto from = change.data.begin() + static_cast<std::ptrdiff_t>(at);
        part.data.assign(from, from + static_cast<std::ptrdiff_t>(length));
      }
      apply(part, bytes);
    }
    at += length;
  }
}

void DiskFile::power_cut(Choice& choice) {
  INVARIANT(journal_ == Journal::on);
  enum Fate : std::uint64_t { keep, drop, tear, fates };
  for (const Change& change : pending_) {
    const std::uint64_t fate = choice.pick(fates);
    if (fate == keep) apply(change, durable_);
    if (fate == tear) apply_torn(change, durable_, choice);
  }
  first_pending_ += pending_.size();
  pending_.clear();
  cache_ = durable_;
}

}  // namespace sim
