// SPDX-License-Identifier: MIT
#include "engine/qcow2/refcount_codec.h"

#include "engine/check.h"
#include "engine/qcow2/bytes.h"

namespace engine::qcow2 {

std::uint64_t RefcountCodec::max() const {
  const unsigned bits = 1U << order_;
  return bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
}

std::uint64_t RefcountCodec::get(const std::byte* block, std::uint64_t index) const {
  switch (order_) {
    case 3:
      return load_big<std::uint8_t>(block + index);
    case 4:
      return load_big<std::uint16_t>(block + index * 2);
    case 5:
      return load_big<std::uint32_t>(block + index * 4);
    case 6:
      return load_big<std::uint64_t>(block + index * 8);
    default: {
      const std::uint64_t bit = index << order_;
      return (std::to_integer<std::uint64_t>(block[bit / 8]) >> (bit % 8)) & max();
    }
  }
}

void RefcountCodec::set(std::byte* block, std::uint64_t index, std::uint64_t value) const {
  INVARIANT(value <= max());
  switch (order_) {
    case 3:
      return store_big<std::uint8_t>(block + index, static_cast<std::uint8_t>(value));
    case 4:
      return store_big<std::uint16_t>(block + index * 2, static_cast<std::uint16_t>(value));
    case 5:
      return store_big<std::uint32_t>(block + index * 4, static_cast<std::uint32_t>(value));
    case 6:
      return store_big<std::uint64_t>(block + index * 8, value);
    default: {
      const std::uint64_t bit = index << order_;
      const auto mask = static_cast<std::byte>(max() << (bit % 8));
      const auto bits = static_cast<std::byte>(value << (bit % 8));
      block[bit / 8] = (block[bit / 8] & ~mask) | bits;
    }
  }
}

}  // namespace engine::qcow2
