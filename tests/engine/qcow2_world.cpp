// SPDX-License-Identifier: MIT
#include "tests/engine/qcow2_world.h"

#include <map>

#include "engine/qcow2/bytes.h"
#include "engine/qcow2/header.h"
#include "engine/qcow2/refcount_codec.h"

namespace tests {

Bytes pattern(std::size_t size, unsigned id) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<std::byte>(1 + (i * 7 + i / 251 + id * 31) % 255);
  return bytes;
}
Bytes slice(const Bytes& bytes, std::size_t at, std::size_t size) {
  const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(at);
  return {first, first + static_cast<std::ptrdiff_t>(size)};
}
Bytes joined(Bytes first, const Bytes& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

io::Task<void> FlatBacking::read(GuestOffset offset, std::span<std::byte> buffer) {
  for (std::size_t i = 0; i < buffer.size(); ++i) {
    const std::uint64_t at = offset.value + i;
    buffer[i] = at < bytes.size() ? bytes[at] : std::byte{0};
  }
  return io::Task<void>::ready();
}

Disk::Disk(CreateOptions options, CacheSizes caches, std::uint64_t seed)
    : runtime_(seed),
      memory_(new MemoryStorage(seed != 1 ? &runtime_ : nullptr)),
      storage_(std::unique_ptr<io::Storage>(memory_), io::CheckedStorage::no_limit),
      caches_(caches) {
  runtime_.run(create(storage_, options));
  open(io::Access::read_write);
}
Disk::~Disk() = default;

Bytes Disk::read(std::uint64_t at, std::uint64_t size) {
  Bytes bytes(size, std::byte{0xee});
  const std::span<std::byte> buffer(bytes);
  run(image_->read({at}, buffer));
  return bytes;
}
void Disk::write(std::uint64_t at, const Bytes& data) {
  const std::span<const std::byte> bytes(data);
  run(image_->write({at}, bytes));
}
void Disk::write_zeroes(std::uint64_t at, std::uint64_t size, io::Unmap unmap) {
  run(image_->write_zeroes({at}, {size}, unmap));
}
void Disk::discard(std::uint64_t at, std::uint64_t size) { run(image_->discard({at}, {size})); }
void Disk::flush() { run(image_->flush()); }
void Disk::resize(std::uint64_t size) { run(image_->resize({size})); }
Extent Disk::extent(std::uint64_t at, std::uint64_t size) {
  return run(image_->extent({at}, {size}));
}

void Disk::set_backing(Backing* backing) {
  backing_ = backing;
  image_->set_backing(backing);
}
void Disk::close() {
  if (image_) run(image_->prepare_read_only());
  image_.reset();
}
void Disk::open(io::Access access) {
  image_.reset();
  memory_->opened = access;
  image_ = run(Image::open(runtime_, storage_, caches_));
  image_->set_backing(backing_);
}
void Disk::reopen() {
  close();
  open(io::Access::read_write);
}

namespace {

/// Counts who points to which cluster of an image.
class Recount {
 public:
  explicit Recount(const Bytes& bytes) : bytes_(bytes), header_(decode_header(bytes)) {
    use(0, 1);
    const std::uint64_t cluster = header_.cluster_size().value;
    use(header_.refcount_table_offset.value, header_.refcount_table_clusters);
    use(header_.l1_table_offset.value, units_for(header_.l1_size * std::uint64_t{8}, cluster));
    for (std::uint64_t i = 0; i < header_.refcount_table_clusters * cluster / 8; ++i) {
      const std::uint64_t block = word(header_.refcount_table_offset.value + i * 8);
      if (block != 0) use(block, 1);
    }
    for (std::uint64_t i = 0; i < header_.l1_size; ++i) {
      const std::uint64_t table = word(header_.l1_table_offset.value + i * 8) & place;
      if (table == 0) continue;
      use(table, 1);
      for (std::uint64_t k = 0; k < cluster / 8; ++k) {
        const std::uint64_t data = word(table + k * 8) & place;
        if (data != 0) use(data, 1);
      }
    }
  }

  std::string compare(bool leaks_allowed) const {
    const std::uint64_t clusters = units_for(bytes_.size(), header_.cluster_size().value);
    // A leak may lie beyond the end of the file, where nothing was written.
    const std::uint64_t end = std::max(clusters, used_.rbegin()->first + 1) + 64;
    for (std::uint64_t i = 0; i < end; ++i) {
      const auto found = used_.find(i);
      const std::uint64_t wanted = found == used_.end() ? 0 : found->second;
      const std::uint64_t stored = refcount(i);
      if (stored < wanted || (stored > wanted && !leaks_allowed))
        return "cluster " + std::to_string(i) + ": refcount " + std::to_string(stored) +
               ", references " + std::to_string(wanted);
    }
    return {};
  }

 private:
  static constexpr std::uint64_t place = 0x00fffffffffffe00;

  std::uint64_t word(std::uint64_t at) const {
    return at + 8 <= bytes_.size() ? load_big<std::uint64_t>(bytes_.data() + at) : 0;
  }
  void use(std::uint64_t at, std::uint64_t clusters) {
    for (std::uint64_t i = 0; i < clusters; ++i) ++used_[(at >> header_.cluster_bits) + i];
  }
  std::uint64_t refcount(std::uint64_t cluster) const {
    const unsigned shift = header_.cluster_bits + 3 - header_.refcount_order;
    const std::uint64_t index = cluster >> shift;
    if (index >= header_.refcount_table_clusters * header_.cluster_size().value / 8) return 0;
    const std::uint64_t block = word(header_.refcount_table_offset.value + index * 8);
    if (block == 0) return 0;
    if (block + header_.cluster_size().value > bytes_.size()) return 0;
    const RefcountCodec codec(header_.refcount_order);
    return codec.get(bytes_.data() + block, cluster & ((std::uint64_t{1} << shift) - 1));
  }

  const Bytes& bytes_;
  Header header_;
  std::map<std::uint64_t, std::uint64_t> used_;
};

}  // namespace

std::string Disk::check(bool leaks_allowed) const {
  return Recount(memory_->bytes).compare(leaks_allowed);
}

}  // namespace tests
