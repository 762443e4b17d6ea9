// SPDX-License-Identifier: MIT
#include "engine/block/resize.h"

#include "engine/block/image_bitmaps.h"
#include "engine/error.h"
#include "engine/qcow2/header.h"

namespace engine::block {
namespace {

/// The file of an image is the image's to resize; a raw node shares it.
void check_owner_allows(const Layer& layer, const Node& node) {
  const Node* image = layer.graph().image_over(node);
  if (image == nullptr) return;
  throw Refusal(
      "Permission conflict on node '" + node.name() +
      "': permissions 'resize' are both required by an unnamed block device (uses node '" +
      node.name() + "' as 'root' child) and unshared by node '" + image->name() + "' (uses node '" +
      node.name() + "' as 'file' child).");
}

/// Nobody who has the file open shares its resizing.
void check_lock(const Layer& layer, const Node& node) {
  for (const Node* other : layer.graph().nodes()) {
    const bool opens_it =
        other->driver().format() == "qcow2" && other->filename() == node.filename();
    if (opens_it && other != &node) throw LockConflict("\"resize\"", node.filename());
  }
}

void check_may_resize(const Layer& layer, const Node& node, const ResizeRequest& request) {
  if (request.size < 0) throw Refusal("Parameter 'size' expects a >0 size");
  const Graph& graph = layer.graph();
  const bool in_use =
      graph.holder(node, Holder::Kind::job) != nullptr || graph.overlay(node) != nullptr;
  // QEMU shows what it was given, and that may be nothing (S59).
  if (in_use) throw Refusal("Device '" + request.device.value_or("(null)") + "' is in use");
  check_owner_allows(layer, node);
  check_lock(layer, node);
  constexpr std::int64_t greatest = 9223372035781033984;
  if (request.size > greatest) {
    throw Refusal("offset(" + std::to_string(request.size) + ") exceeds maximum(" +
                  std::to_string(greatest) + ")");
  }
  if (node.read_only()) throw Refusal("Image is read-only");
}

/// A client is told so; a job says no more than that it is not supported.
void check_snapshots(const Node& node, ByteCount size) {
  const qcow2::Image* image = node.driver().image();
  if (image == nullptr || size.value % 512 != 0) return;
  if (image->header().version < 3 && image->header().nb_snapshots != 0)
    throw Refusal("Can't resize a v2 image which has snapshots");
}

}  // namespace

io::Task<void> resize_disk(Layer& layer, ResizeRequest request) {
  Node& node = layer.require_node(request.device.value_or(""), request.node_name.value_or(""));
  check_may_resize(layer, node, request);
  const io::Mutex::Guard guard = co_await layer.changes().lock();
  DrainedSection drained(layer, node);
  co_await drained.settle();
  const ByteCount size{static_cast<std::uint64_t>(request.size)};
  check_snapshots(node, size);
  co_await resize_drained(layer, node, size);
}

io::Task<void> resize_drained(Layer& layer, Node& node, ByteCount size) {
  if (ImageBitmaps* bitmaps = node.image_bitmaps()) {
    // The size before the bitmaps, as in QEMU.
    if (size.value % 512 != 0) throw Refusal("The new size must be a multiple of 512");
    co_await bitmaps->check_can_resize();
  }
  co_await node.resize(size);
  // Also where nothing changed: QEMU makes everything durable.
  co_await node.flush();
  // The file below has changed its length too, and may have bitmaps of its own.
  layer.graph().protocol(node).fit_bitmaps();
}

}  // namespace engine::block
