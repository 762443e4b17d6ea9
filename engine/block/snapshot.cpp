// SPDX-License-Identifier: MIT
#include "engine/block/snapshot.h"

#include <utility>

#include "engine/block/filename.h"
#include "engine/block/image_bitmaps.h"
#include "engine/error.h"
#include "engine/qcow2/image.h"

namespace engine::block {
namespace {

void check_names(const Layer& layer, const SnapshotOptions& options) {
  if (options.node_name && !options.snapshot_node_name) {
    throw Refusal("New overlay node-name missing");
  }
  if (options.snapshot_node_name && layer.find_node(*options.snapshot_node_name) != nullptr) {
    throw Refusal("New overlay node-name already in use");
  }
}

void check_overlay_format(const std::string& format) {
  if (format == "raw" || format == "file") {
    throw Refusal("Backing file not supported for file format '" + format + "'");
  }
  if (format != "qcow2") throw Refusal("Unknown file format '" + format + "'");
}

std::string formatting_line(const std::string& file, const qcow2::CreateOptions& options) {
  return "Formatting '" + file +
         "', fmt=qcow2 cluster_size=" + std::to_string(options.cluster_size.value) +
         " extended_l2=off compression_type=zlib size=" + std::to_string(options.size.value) +
         " backing_file=" + options.backing_file + " backing_fmt=" + options.backing_format +
         " lazy_refcounts=off refcount_bits=" + std::to_string(options.refcount_bits) + "\n";
}

io::Task<void> create_overlay(Layer& layer, const SnapshotOptions& snapshot, const Node& base) {
  check_overlay_format(snapshot.format);
  qcow2::CreateOptions options;
  options.size = base.length();
  options.backing_file = shown_filename(layer.graph(), base);
  options.backing_format = base.driver().format();
  if (snapshot.snapshot_file == options.backing_file) {
    throw Refusal("Error: Trying to create an image with the same filename as the backing file");
  }
  layer.print(formatting_line(snapshot.snapshot_file, options));
  const std::unique_ptr<io::Storage> file = co_await layer.host().create(snapshot.snapshot_file);
  co_await qcow2::create(*file, options);
}

/// What the overlay is to stand on.
io::Task<void> flush_for_good(Node& base) {
  try {
    co_await base.flush();
  } catch (const IoError&) {
    throw Refusal("An IO error has occurred");
  }
}

OpenOptions overlay_options(const SnapshotOptions& snapshot, const Node& base) {
  OpenOptions options;
  options.filename = snapshot.snapshot_file;
  options.format = snapshot.format;
  options.node_name = snapshot.snapshot_node_name;
  options.access = base.access();
  options.discard_mode = base.discard_mode();
  return options;
}

}  // namespace

void require_no_file(const Layer& layer, const Node& node) {
  if (!layer.graph().is_held(node, Role::file)) return;
  throw Refusal("Node '" + node.name() +
                "' is the file of another node, and snapshots of files are not supported");
}

io::Task<void> rest_base(Layer& layer, Node& base) {
  try {
    co_await layer.set_access(base, io::Access::read_only);
  } catch (const Refusal&) {
  }
}

io::Task<void> take_snapshot(Layer& layer, SnapshotOptions options) {
  const io::Mutex::Guard guard = co_await layer.changes().lock();
  // Everything, and before anything is looked at, as in QEMU (M57).
  DrainedSection drained(layer);
  co_await drained.settle();
  Node& base = layer.require_node(options.device.value_or(""), options.node_name.value_or(""));
  layer.require_not_busy(base, layer.shown_name(base));
  require_no_file(layer, base);
  check_names(layer, options);
  if (!base.read_only()) co_await flush_for_good(base);
  if (options.mode == SnapshotMode::absolute_paths) {
    co_await create_overlay(layer, options, base);
  }
  OpenOptions to_open = overlay_options(options, base);
  Node* overlay = co_await layer.open_alone(std::move(to_open));
  try {
    if (overlay->image_bitmaps() == nullptr) {
      throw Refusal("The overlay does not support backing images");
    }
    co_await overlay->image_bitmaps()->load();
  } catch (const Refusal& refusal) {
    layer.drop_opened(*overlay);
    throw;
  }
  co_await rest_base(layer, base);
  layer.graph().link(*overlay, Role::backing, base);
  overlay->set_backing(base);
  layer.move_devices(base, *overlay);
  drained.end();
  co_await layer.close_unreferenced();
}

}  // namespace engine::block
