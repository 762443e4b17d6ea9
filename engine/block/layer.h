// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/block/device.h"
#include "engine/block/drained_section.h"
#include "engine/block/graph.h"
#include "engine/block/node_options.h"
#include "engine/io/runtime.h"
#include "engine/io/storage.h"
#include "engine/io/sync.h"
#include "engine/qcow2/image.h"

namespace engine::block {

/// What to open and how.
struct OpenOptions {
  std::string filename;
  std::optional<std::string> format;  ///< "raw", "qcow2" or "file"; none: look at the first bytes
  std::optional<std::string> node_name;  ///< none: one is generated
  io::Access access = io::Access::read_write;
  /// None: one that there is not, which is refused once the file is open.
  std::optional<DiscardMode> discard_mode = DiscardMode::ignore;
  qcow2::CacheSizes caches = {};  ///< of a qcow2 image
};

/// Where a layer says what is no answer to a command.
struct Messages {
  std::function<void(const std::string&)> print;   ///< QEMU's standard output; lines end in "\n"
  std::function<void(const std::string&)> report;  ///< an error of no command, without line end
};

/// All nodes and devices of one process, their names, and what is done to them as wholes.
class Layer {
 public:
  Layer(io::Runtime& runtime, io::Host& host, Messages messages);
  ~Layer();

  io::Runtime& runtime() { return runtime_; }
  io::Host& host() { return host_; }
  Graph& graph() { return graph_; }
  const Graph& graph() const { return graph_; }
  /// Held by whoever changes images or the graph as wholes and waits while doing it, so that a
  /// command and the end of a job do not meet in one image.
  io::Mutex& changes() { return changes_; }
  const std::list<Device>& devices() const { return devices_; }
  /// How many requests of guests wait until their devices are no longer quiesced.
  std::size_t held_requests() const;
  void print(const std::string& text) { messages_.print(text); }

  /// Opens an image and all that lies below it; backing files are opened read-only, by the names
  /// and formats that the images give. Throws Refusal in QEMU's words; then nothing stays open.
  io::Task<Node*> open(OpenOptions options);
  /// Puts a filter named `name` (none: a generated one) on top of a node. Whoever calls has others
  /// stand on it. `access` is what the filter itself says; a node below that is read-only stays so.
  /// Throws Refusal for a name that is malformed or taken.
  Node& add_filter(std::string_view format, const std::optional<std::string>& name,
                   io::Access access, Node& below);
  /// Opens what blockdev-add asked for, whole or not at all. Requires that changes() is held.
  io::Task<Node*> open_node(std::shared_ptr<NodeOptions> options);
  /// Has a node live until disown, even if nobody uses it.
  void own(Node& node) { graph_.link(client_, Role::owned, node); }
  void disown(const Node& node) { graph_.unlink(client_, node); }
  /// Opens an image by itself, for one whose backing node exists already.
  io::Task<Node*> open_alone(OpenOptions options);
  /// Drops a node that was just opened and that nobody holds, and what lies below it and is nobody
  /// else's, as it is.
  void drop_opened(Node& node);

  /// Opens an image and plugs it as a device. Throws Refusal for an id or a node name that is
  /// malformed or taken.
  io::Task<void> add_device(std::string id, OpenOptions options);
  /// Unplugs a device and closes what nobody else holds. Throws Refusal if it is busy.
  io::Task<void> remove_device(Device& device);
  /// Closes every device and node.
  io::Task<void> close_all();
  /// Closes the nodes that nobody holds: bitmaps are stored (S44). What goes wrong is reported.
  /// Requires that changes() is held.
  io::Task<void> close_unreferenced();

  /// Null if there is none.
  Device* find_device(const std::string& id);
  /// A device's root or a node, devices first (S6); null if there is neither.
  Node* find_node(const std::string& device_or_node) const;
  /// As find_node; throws "Cannot find device='D' nor node-name='N'". An absent name is empty.
  Node& require_node(const std::string& device, const std::string& node_name) const;
  /// The device's id if one stands on the node, else the node's name: QEMU's messages name it so.
  const std::string& shown_name(const Node& node) const;
  /// Throws "Node 'N' is busy: …" for a node that a job works on or that is a backing file.
  /// `named` is how the message names the node.
  void require_not_busy(const Node& node, const std::string& named) const;

  /// Throws Refusal for a node name that is malformed or taken.
  void check_new_node_name(const std::string& name) const;
  /// Has the devices on `from` stand on `to`.
  void move_devices(Node& from, Node& to);
  /// Has an overlay stand on another node. Requires that it is drained.
  void set_backing(Node& overlay, Node& backing);
  /// Turns a node and the file below it writable or read-only. Requires that it is drained.
  io::Task<void> set_access(Node& node, io::Access access);

 private:
  /// Who takes a file: an image keeps others from writing it; a raw drive has it whatever others
  /// do, as long as they let it read; what blockdev-add makes of plain bytes is in nobody's way,
  /// and a file node that nothing stands on does not even ask.
  enum class FileUse { image, drive, plain, none };
  io::Task<std::unique_ptr<io::Storage>> open_storage(std::string filename, io::Access access,
                                                      FileUse use);
  io::Task<Node*> open_file(NodeOptions options, FileUse use);
  io::Task<Node*> open_file_below(NodeOptions options, FileUse use, const OpenOptions& above);
  void check_what_stands_on_file(const OpenOptions& options);
  io::Task<Node*> open_format(OpenOptions options, Node& file);
  io::Task<Node*> open_file_node(std::shared_ptr<NodeOptions> options, FileUse use);
  io::Task<Node*> open_file_child(std::shared_ptr<NodeOptions> parent);
  io::Task<Node*> open_format_over(std::shared_ptr<NodeOptions> options, Node& file);
  io::Task<void> open_chosen_backing(Node& node, std::shared_ptr<NodeOptions> options);
  io::Task<std::string> probe(Node& file);
  io::Task<void> open_backing(Node& node);
  io::Task<Node*> open_described(OpenOptions options);
  io::Task<void> close(Node& node);

  std::string generate_name() { return generated_name(name_counter_++); }
  static std::string generated_name(unsigned number);

  io::Runtime& runtime_;
  io::Host& host_;
  Messages messages_;
  unsigned name_counter_ = 0;
  io::Mutex changes_;
  Graph graph_;
  /// Images whose backing is being opened, topmost first.
  std::vector<const Node*> descent_;
  Holder client_{Holder::Kind::client, {}};
  std::list<Device> devices_;
};

/// Whether `id` is a letter, then letters, digits, '-', '.' or '_'.
bool well_formed_id(const std::string& id);

/// A file name found in the image `from`, relative to where that image lies.
std::string resolve_path(const std::string& from, const std::string& filename);

}  // namespace engine::block
