// SPDX-License-Identifier: MIT
#include <utility>

#include "engine/block/filename.h"
#include "engine/block/image_bitmaps.h"
#include "engine/block/layer.h"
#include "engine/error.h"

// Opening what blockdev-add describes: each node by its own options.

namespace engine::block {
namespace {

io::Access access_of(const NodeOptions& options) {
  return options.access.value_or(io::Access::read_write);
}

DiscardMode discard_mode_of(const NodeOptions& options) {
  return options.discard_mode.value_or(DiscardMode::ignore);
}

std::string uses_as_file(const std::string& user, const Node& file) {
  return "node '" + user + "' (uses node '" + file.name() + "' as 'file' child)";
}

/// An image that is written shares its file with no other image.
void check_sharing(const Graph& graph, const Node& file, const std::string& name,
                   io::Access access) {
  const Node* other = graph.image_over(file);
  if (other == nullptr) return;
  if (other->read_only() && access == io::Access::read_only) return;
  const bool other_writes = !other->read_only();
  const std::string& writer = other_writes ? other->name() : name;
  const std::string& reader = other_writes ? name : other->name();
  throw Refusal("Permission conflict on node '" + file.name() +
                "': permissions 'write, resize' are both required by " +
                uses_as_file(writer, file) + " and unshared by " + uses_as_file(reader, file) +
                ".");
}

/// Plain bytes are in nobody's way.
void lock_if_free(io::Storage& storage) {
  try {
    storage.set_locking(io::Locking::on);
  } catch (const LockConflict&) {
  }
}

}  // namespace

io::Task<Node*> Layer::open_file_node(std::shared_ptr<NodeOptions> options, FileUse use) {
  if (options->node_name) check_new_node_name(*options->node_name);
  if (options->filename.empty()) {
    throw Refusal("The 'file' block driver requires a file name");
  }
  co_return co_await open_file(*options, use);
}

io::Task<Node*> Layer::open_node(std::shared_ptr<NodeOptions> options) {
  if (options->driver == "file") {
    co_return co_await open_file_node(options, FileUse::none);
  }
  Node* file = co_await open_file_child(options);
  Node* node = nullptr;
  try {
    if (options->driver.empty()) options->driver = co_await probe(*file);
    node = co_await open_format_over(options, *file);
    co_await open_chosen_backing(*node, options);
    if (ImageBitmaps* bitmaps = node->image_bitmaps()) co_await bitmaps->load();
  } catch (const Refusal& refusal) {
    if (node != nullptr) {
      drop_opened(*node);
    } else if (graph_.parent_count(*file) == 0) {
      drop_opened(*file);
    } else {
      graph_.unlock_unused(*file);
    }
    throw;
  }
  co_return node;
}

io::Task<Node*> Layer::open_file_child(std::shared_ptr<NodeOptions> parent) {
  if (const auto* name = std::get_if<std::string>(&parent->file)) {
    co_return &require_node(*name, *name);
  }
  const std::shared_ptr<NodeOptions> nested = std::get<std::shared_ptr<NodeOptions>>(parent->file);
  if (!nested->access) nested->access = parent->access;
  if (!nested->discard_mode) nested->discard_mode = DiscardMode::unmap;
  const FileUse use = parent->driver != "raw" ? FileUse::image : FileUse::plain;
  try {
    if (nested->driver == "file") co_return co_await open_file_node(nested, use);
    co_return co_await open_node(nested);
  } catch (const LockConflict&) {
    // QEMU finds out about locks later than about names.
    if (parent->node_name) check_new_node_name(*parent->node_name);
    throw;
  }
}

io::Task<Node*> Layer::open_format_over(std::shared_ptr<NodeOptions> options, Node& file) {
  if (options->node_name) check_new_node_name(*options->node_name);
  if (file.driver().format() != "file") {
    throw Refusal("Node '" + file.name() +
                  "' is no file, and formats in formats are not supported");
  }
  OpenOptions format;
  format.filename = file.filename();
  format.format = options->driver;
  format.node_name = options->node_name ? *options->node_name : generate_name();
  format.access = access_of(*options);
  format.discard_mode = discard_mode_of(*options);
  const bool needs_writing = format.access == io::Access::read_write && file.read_only();
  if (options->driver == "qcow2") {
    if (needs_writing) throw Refusal("Block node is read-only");
    check_sharing(graph_, file, *format.node_name, format.access);
    graph_.storage(file).set_locking(io::Locking::on);
  } else {
    if (needs_writing) format.access = io::Access::read_only;
    lock_if_free(graph_.storage(file));
  }
  co_return co_await open_format(format, file);
}

io::Task<void> Layer::open_chosen_backing(Node& node, std::shared_ptr<NodeOptions> options) {
  if (std::holds_alternative<NoBacking>(options->backing)) co_return;
  const auto* chosen = std::get_if<ChildOptions>(&options->backing);
  if (chosen == nullptr) {
    co_await open_backing(node);
    co_return;
  }
  std::string failure;
  try {
    Node* backing = nullptr;
    if (const auto* name = std::get_if<std::string>(chosen)) {
      backing = &require_node(*name, *name);
    } else {
      const std::shared_ptr<NodeOptions> nested = std::get<std::shared_ptr<NodeOptions>>(*chosen);
      if (!nested->access) nested->access = io::Access::read_only;
      if (!nested->discard_mode) nested->discard_mode = DiscardMode::unmap;
      backing = co_await open_node(nested);
    }
    set_backing(node, *backing);
  } catch (const Refusal& refusal) {
    failure = refusal.what();
  }
  if (!failure.empty()) throw Refusal("Could not open backing file: " + failure);
}

}  // namespace engine::block
