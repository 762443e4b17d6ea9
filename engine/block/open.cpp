// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <exception>
#include <string_view>
#include <utility>

#include "engine/block/filename.h"
#include "engine/block/filter.h"
#include "engine/block/image_bitmaps.h"
#include "engine/block/json_name.h"
#include "engine/block/layer.h"
#include "engine/error.h"
#include "engine/qcow2/header.h"

namespace engine::block {
namespace {

bool has_qcow2_magic(std::span<const std::byte, 4> bytes) {
  constexpr std::array magic{std::byte{'Q'}, std::byte{'F'}, std::byte{'I'}, std::byte{0xfb}};
  return std::ranges::equal(bytes, magic);
}

std::string guessed_raw_warning(const std::string& filename) {
  return "WARNING: Image format was not specified for '" + filename +
         "' and probing guessed raw.\n"
         "         Automatically detecting the format is dangerous for raw images, write "
         "operations on block 0 will be restricted.\n"
         "         Specify the 'raw' format explicitly to remove the restrictions.\n";
}

/// So many images may stand one upon the other.
constexpr std::size_t longest_chain = 200;

/// A step further down a chain of images.
class Descent {
 public:
  Descent(std::vector<const Node*>& path, const Node& node) : path_(path) { path.push_back(&node); }
  Descent(const Descent&) = delete;
  Descent& operator=(const Descent&) = delete;
  ~Descent() { path_.pop_back(); }

 private:
  std::vector<const Node*>& path_;
};

/// Images may name each other in a circle. One of it that is written refuses by its lock.
void check_descent(const std::vector<const Node*>& path, const std::string& filename) {
  const bool circle = std::ranges::any_of(
      path, [&](const Node* above) { return above->read_only() && above->filename() == filename; });
  if (circle) throw Refusal("The chain of backing files comes back to '" + filename + "'");
  if (path.size() > longest_chain)
    throw Refusal("The chain of backing files has more than " + std::to_string(longest_chain) +
                  " images");
}

void check_format(const std::string& format) {
  if (format != "raw" && format != "qcow2" && format != "file") {
    throw Refusal("Unknown driver '" + format + "'");
  }
}

}  // namespace

io::Task<std::string> Layer::probe(Node& file) {
  std::array<std::byte, 4> first{};
  const std::span<std::byte> buffer(first);
  if (file.length().value >= buffer.size()) co_await file.read(GuestOffset{}, buffer);
  if (has_qcow2_magic(first)) co_return std::string("qcow2");
  print(guessed_raw_warning(file.filename()));
  co_return std::string("raw");
}

io::Task<std::unique_ptr<io::Storage>> Layer::open_storage(std::string filename, io::Access access,
                                                           FileUse use) {
  try {
    const io::Locking first = use == FileUse::none ? io::Locking::off : io::Locking::on;
    co_return co_await host_.open(filename, access, first);
  } catch (const LockConflict&) {
    if (use == FileUse::image) throw;
  }
  const io::Locking locking = use == FileUse::drive ? io::Locking::shared : io::Locking::off;
  co_return co_await host_.open(filename, access, locking);
}

io::Task<Node*> Layer::open_file(NodeOptions options, FileUse use) {
  const io::Access access = options.access.value_or(io::Access::read_write);
  std::unique_ptr<io::Storage> storage = co_await open_storage(options.filename, access, use);
  auto driver = std::make_unique<FileDriver>(*storage);
  std::string name = options.node_name ? *options.node_name : generate_name();
  auto made = std::make_unique<Node>(runtime_, std::move(name), options.filename, std::move(driver),
                                     access, options.discard_mode.value_or(DiscardMode::ignore));
  co_return &graph_.add(std::move(made), std::move(storage));
}

void Layer::check_what_stands_on_file(const OpenOptions& options) {
  if (!options.discard_mode) throw Refusal("Invalid discard option");
  if (options.node_name) check_new_node_name(*options.node_name);
}

/// A file that is not there is told before a bad option of what stands on it, and a lock after it.
io::Task<Node*> Layer::open_file_below(NodeOptions options, FileUse use, const OpenOptions& above) {
  try {
    co_return co_await open_file(std::move(options), use);
  } catch (const LockConflict&) {
    check_what_stands_on_file(above);
    throw;
  }
}

io::Task<Node*> Layer::open_alone(OpenOptions options) {
  if (options.format) check_format(*options.format);
  NodeOptions file_options;
  file_options.filename = options.filename;
  file_options.access = options.access;
  file_options.discard_mode = options.discard_mode;
  const bool plain = options.format == "raw" || options.format == "file";
  const FileUse use = plain ? FileUse::drive : FileUse::image;
  Node* file = co_await open_file_below(file_options, use, options);
  try {
    check_what_stands_on_file(options);
    if (!options.format) options.format = co_await probe(*file);
    co_return co_await open_format(std::move(options), *file);
  } catch (const Refusal& refusal) {
    drop_opened(*file);
    throw;
  }
}

io::Task<Node*> Layer::open_format(OpenOptions options, Node& file) {
  if (options.format == "file") co_return &file;
  io::Storage& storage = graph_.storage(file);
  std::unique_ptr<Driver> driver;
  if (options.format == "qcow2") {
    std::unique_ptr<qcow2::Image> image =
        co_await qcow2::Image::open(runtime_, storage, options.caches);
    driver = std::make_unique<Qcow2Driver>(std::move(image));
  } else {
    driver = std::make_unique<RawDriver>(storage);
  }
  std::string name = options.node_name ? *options.node_name : generate_name();
  auto made = std::make_unique<Node>(runtime_, std::move(name), options.filename, std::move(driver),
                                     options.access, options.discard_mode.value());
  Node& node = graph_.add(std::move(made), nullptr);
  graph_.link(node, Role::file, file);
  if (const qcow2::Image* image = node.driver().image()) {
    node.set_named_backing(image->header().backing_file);
  }
  co_return &node;
}

/// What a name "json:{…}" says that an image has for its backing file; the name itself is nobody's.
io::Task<Node*> Layer::open_described(OpenOptions options) {
  const std::shared_ptr<NodeOptions> described = parse_json_name(options.filename, options.format);
  INVARIANT(options.discard_mode && !options.node_name);
  if (!described->access) described->access = options.access;
  if (!described->discard_mode) described->discard_mode = options.discard_mode;
  co_return co_await open_node(described);
}

io::Task<Node*> Layer::open(OpenOptions options) {
  if (is_json_name(options.filename)) {
    Node* described = co_await open_described(std::move(options));
    co_return described;
  }
  Node* node = co_await open_alone(std::move(options));
  try {
    co_await open_backing(*node);
    // Last, because it may write: a chain that cannot be opened must leave no trace.
    if (ImageBitmaps* bitmaps = node->image_bitmaps()) co_await bitmaps->load();
  } catch (const Refusal& refusal) {
    drop_opened(*node);
    throw;
  }
  co_return node;
}

Node& Layer::add_filter(std::string_view format, const std::optional<std::string>& name,
                        io::Access access, Node& below) {
  if (name) check_new_node_name(*name);
  const auto naming = name ? FilterDriver::Naming::by_client : FilterDriver::Naming::generated;
  auto driver = std::make_unique<FilterDriver>(std::string(format), naming, below);
  auto made = std::make_unique<Node>(runtime_, name ? *name : generate_name(), below.filename(),
                                     std::move(driver), access, DiscardMode::ignore);
  Node& filter = graph_.add(std::move(made), nullptr);
  graph_.link(filter, Role::filtered, below);
  return filter;
}

io::Task<void> Layer::open_backing(Node& node) {
  qcow2::Image* image = node.driver().image();
  if (image == nullptr || image->header().backing_file.empty()) co_return;
  const qcow2::Header& header = image->header();
  OpenOptions below;
  below.filename = resolve_path(node.filename(), header.backing_file);
  if (!header.backing_format.empty()) below.format = header.backing_format;
  below.access = io::Access::read_only;
  // Whatever the node above is asked to do: so QEMU opens what is below an image.
  below.discard_mode = DiscardMode::unmap;
  std::string failure;
  try {
    const Descent descent(descent_, node);
    check_descent(descent_, below.filename);
    Node* backing = co_await open(std::move(below));
    graph_.link(node, Role::backing, *backing);
    node.set_backing(*backing);
    node.set_named_backing(shown_filename(graph_, *backing));
  } catch (const Refusal& refusal) {
    failure = refusal.what();
  }
  if (!failure.empty()) throw Refusal("Could not open backing file: " + failure);
}

void Layer::drop_opened(Node& node) {
  std::vector<Node*> below;
  for (Node* child : {graph_.file(node), graph_.backing(node)}) {
    if (child != nullptr) below.push_back(child);
  }
  graph_.remove(node);
  for (Node* child : below) {
    if (graph_.parent_count(*child) == 0) drop_opened(*child);
  }
}

}  // namespace engine::block
