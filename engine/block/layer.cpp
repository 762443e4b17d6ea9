// SPDX-License-Identifier: MIT
#include "engine/block/layer.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "engine/block/image_bitmaps.h"
#include "engine/check.h"
#include "engine/error.h"

namespace engine::block {

Layer::Layer(io::Runtime& runtime, io::Host& host, Messages messages)
    : runtime_(runtime), host_(host), messages_(std::move(messages)), changes_(runtime) {
  graph_.add_holder(client_);
}

Layer::~Layer() { graph_.remove_holder(client_); }

std::string Layer::generated_name(unsigned number) {
  const std::string digits = std::to_string(number);
  return "#block" + std::string(digits.size() < 3 ? 3 - digits.size() : 0, '0') + digits;
}

Device* Layer::find_device(const std::string& id) {
  const auto found = std::ranges::find(devices_, id, &Device::id);
  return found != devices_.end() ? &*found : nullptr;
}

Node* Layer::find_node(const std::string& device_or_node) const {
  const auto found = std::ranges::find(devices_, device_or_node, &Device::id);
  return found != devices_.end() ? &found->root() : graph_.find(device_or_node);
}

Node& Layer::require_node(const std::string& device, const std::string& node_name) const {
  const auto found = std::ranges::find(devices_, device, &Device::id);
  if (!device.empty() && found != devices_.end()) return found->root();
  Node* node = node_name.empty() ? nullptr : graph_.find(node_name);
  if (node == nullptr) {
    throw Refusal("Cannot find device='" + device + "' nor node-name='" + node_name + "'");
  }
  return *node;
}

const std::string& Layer::shown_name(const Node& node) const {
  const Holder* device = graph_.holder(node, Holder::Kind::device);
  return device != nullptr ? device->name : node.name();
}

void Layer::require_not_busy(const Node& node, const std::string& named) const {
  const std::string busy = "Node '" + named + "' is busy: ";
  if (const Holder* job = graph_.holder(node, Holder::Kind::job)) {
    throw Refusal(busy + "block device is in use by block job: " + job->name);
  }
  const std::string overlay = graph_.overlay_name(node);
  if (!overlay.empty()) throw Refusal(busy + "node is used as backing hd of '" + overlay + "'");
}

void Layer::check_new_node_name(const std::string& name) const {
  constexpr std::size_t max_length = 31;
  if (!well_formed_id(name)) throw Refusal("Invalid node-name: '" + name + "'");
  if (std::ranges::find(devices_, name, &Device::id) != devices_.end()) {
    throw Refusal("node-name=" + name + " is conflicting with a device id");
  }
  if (graph_.find(name) != nullptr) throw Refusal("Duplicate nodes with node-name='" + name + "'");
  if (name.size() > max_length) throw Refusal("Node name too long");
}

io::Task<void> Layer::add_device(std::string id, OpenOptions options) {
  if (!well_formed_id(id)) {
    throw Refusal(
        "Parameter 'id' expects an identifier\r\n"
        "Identifiers consist of letters, digits, '-', '.', '_', starting with a letter.");
  }
  if (find_device(id) != nullptr) throw Refusal("Duplicate ID '" + id + "' for drive");
  const io::Mutex::Guard guard = co_await changes_.lock();
  Node* root = co_await open(std::move(options));
  if (graph_.find(id) != nullptr) {
    co_await close_unreferenced();
    throw Refusal("Device name '" + id + "' conflicts with an existing node name");
  }
  devices_.emplace_back(graph_, std::move(id), *root);
}

std::size_t Layer::held_requests() const {
  std::size_t held = 0;
  for (const Holder* device : graph_.devices()) held += Device::of(*device).held();
  return held;
}

io::Task<void> Layer::remove_device(Device& device) {
  require_not_busy(device.root(), device.id());
  const io::Mutex::Guard guard = co_await changes_.lock();
  {
    DrainedSection drained(*this, device.root());
    co_await drained.settle();
  }
  devices_.remove_if([&](const Device& other) { return &other == &device; });
  co_await close_unreferenced();
}

io::Task<void> Layer::close_all() {
  const io::Mutex::Guard guard = co_await changes_.lock();
  devices_.clear();
  for (const Node* node : graph_.nodes()) disown(*node);
  co_await close_unreferenced();
}

io::Task<void> Layer::close_unreferenced() {
  while (Node* node = graph_.unreferenced()) {
    graph_.hide(*node);
    co_await close(*node);
    graph_.remove(*node);
  }
}

io::Task<void> Layer::close(Node& node) {
  co_await node.requests().until_idle();
  ImageBitmaps* bitmaps = node.image_bitmaps();
  std::string lost;
  try {
    if (bitmaps != nullptr && bitmaps->has_unstorable()) throw Refusal("No write access");
    if (bitmaps != nullptr) co_await bitmaps->store();
  } catch (const Refusal& refusal) {
    lost = refusal.what();
  }
  if (!lost.empty()) {
    messages_.report("Lost persistent bitmaps during inactivation of node '" + node.name() +
                     "': " + lost);
  }
  if (node.read_only()) co_return;
  try {
    co_await node.driver().prepare_read_only();
  } catch (const Refusal& refusal) {
    lost = refusal.what();
    messages_.report("Failed to close node '" + node.name() + "': " + lost);
  }
}

void Layer::move_devices(Node& from, Node& to) {
  const std::vector<const Holder*> moved = graph_.move_roots(from, to);
  for (const Holder* holder : moved) Device::of(*holder).set_root(to);
}

void Layer::set_backing(Node& overlay, Node& backing) {
  graph_.unlink_backing(overlay);
  graph_.link(overlay, Role::backing, backing);
  overlay.set_backing(backing);
}

io::Task<void> Layer::set_access(Node& node, io::Access access) {
  // Others who stand on the same file may still write it.
  Node& file = graph_.protocol(node);
  const bool shared = &file != &node && graph_.parent_count(file) > 1;
  const bool leave_file = shared && access == io::Access::read_only;
  return node.set_access(access, leave_file ? nullptr : &file, graph_.storage(node));
}

bool well_formed_id(const std::string& id) {
  const auto letter = [](unsigned char c) { return std::isalpha(c) != 0; };
  return !id.empty() && letter(static_cast<unsigned char>(id.front())) &&
         std::ranges::all_of(id, [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_';
         });
}

std::string resolve_path(const std::string& from, const std::string& filename) {
  if (filename.starts_with('/') || filename.starts_with("json:")) return filename;
  // Without a slash nothing of `from` is taken.
  return from.substr(0, from.rfind('/') + 1) + filename;
}

}  // namespace engine::block
