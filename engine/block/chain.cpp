// SPDX-License-Identifier: MIT
#include "engine/block/chain.h"

#include <algorithm>

namespace engine::block {

io::Task<qcow2::Extent> extent_above(const Graph& graph, Node& top, const Node* base,
                                     GuestOffset offset, ByteCount length) {
  qcow2::Extent extent{qcow2::ExtentKind::unallocated, length};
  for (Node* node = &top; node != base; node = graph.backing(*node)) {
    const std::uint64_t size = node->length().value;
    if (offset.value >= size) {
      extent.kind = qcow2::ExtentKind::zero;
      co_return extent;
    }
    const ByteCount within{std::min(extent.length.value, size - offset.value)};
    extent = co_await node->driver().extent(offset, within);
    if (extent.kind != qcow2::ExtentKind::unallocated) co_return extent;
  }
  co_return extent;
}

}  // namespace engine::block
