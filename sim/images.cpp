// SPDX-License-Identifier: MIT
#include "sim/images.h"

#include <array>
#include <cstdlib>
#include <optional>

#include "engine/block/json_name.h"
#include "engine/block/layer.h"
#include "engine/error.h"
#include "engine/qcow2/bitmap_store.h"
#include "engine/qcow2/check.h"
#include "engine/qcow2/image.h"
#include "engine/qcow2/info.h"
#include "engine/size_argument.h"

namespace sim::images {

using engine::ByteCount;
using engine::HostOffset;
using engine::Refusal;
using engine::block::BackingOptions;
using engine::block::ChildOptions;
using engine::block::NoBacking;
using engine::block::NodeOptions;
using engine::io::Access;
using engine::io::Host;
using engine::io::Locking;
using engine::io::Runtime;
using engine::io::Storage;
using engine::io::Task;
using engine::qcow2::InfoRequest;
using nlohmann::json;

namespace {

std::uint64_t size_of(const json& options) {
  using Fault = engine::SizeArgument::Fault;
  const engine::SizeArgument size = engine::parse_size_argument(options.at("size"));
  constexpr std::uint64_t greatest = (std::uint64_t{1} << 63) - 512;
  if (size.fault == Fault::none && size.bytes <= greatest) return size.bytes;
  if (size.fault != Fault::not_a_number) {
    throw Refusal("Invalid image size specified. Must be between 0 and 9223372036854775807.");
  }
  throw Refusal("Invalid image size specified. You may use k, M, G, T, P or E suffixes for",
                engine::ErrorClass::generic,
                "kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.");
}

std::uint64_t number_option(const json& options, const char* key) {
  const std::string text = options.at(key);
  const engine::SizeArgument number = engine::parse_size_argument(text);
  if (number.fault == engine::SizeArgument::Fault::none) return number.bytes;
  throw Refusal("Parameter '" + std::string(key) + "' expects a number");
}

engine::qcow2::CreateOptions create_options(const json& options) {
  engine::qcow2::CreateOptions result;
  // QEMU rounds the size of a disk up to whole sectors.
  result.size = ByteCount{engine::round_up(size_of(options), 512)};
  if (options.contains("cluster_size")) {
    result.cluster_size = ByteCount{number_option(options, "cluster_size")};
  }
  if (options.contains("refcount_bits")) {
    result.refcount_bits = static_cast<unsigned>(number_option(options, "refcount_bits"));
  }
  const std::string compat = options.value("compat", "1.1");
  if (compat == "0.10" || compat == "v2") {
    result.version = 2;
  } else if (compat != "1.1" && compat != "v3") {
    throw Refusal("Parameter 'version' does not accept value '" + compat + "'");
  }
  result.backing_file = options.value("backing_file", "");
  result.backing_format = options.value("backing_fmt", "");
  return result;
}

/// A layer of a chain, and what is said of what backs it: nothing means that its header tells.
struct Layer {
  InfoRequest image;
  BackingOptions backing = {};
};

[[noreturn]] void refuse_node(const std::string& name) {
  throw Refusal("Cannot find device='" + name + "' nor node-name='" + name + "'");
}

/// The layer that options describe.
Layer described(InfoRequest image, std::shared_ptr<NodeOptions> node) {
  image.format = node->driver == "file" ? "raw" : node->driver;
  Layer layer{std::move(image), node->backing};
  const bool named = node->node_name.has_value();
  if (named && !engine::block::well_formed_id(*node->node_name))
    throw Refusal("Invalid node-name: '" + *node->node_name + "'");
  while (node->driver != "file") {
    if (const auto* name = std::get_if<std::string>(&node->file)) refuse_node(*name);
    node = std::get<std::shared_ptr<NodeOptions>>(ChildOptions(node->file));
  }
  layer.image.path = node->filename;
  return layer;
}

/// What backs a layer; without a path if nothing does.
Layer below(const Layer& layer, const json& info) {
  const std::string name = info.value("full-backing-filename", "");
  const std::string format = info.value("backing-filename-format", "");
  Layer result{layer.image};
  result.image.path.clear();
  if (std::holds_alternative<NoBacking>(layer.backing)) return result;
  if (const auto* chosen = std::get_if<ChildOptions>(&layer.backing)) {
    if (const auto* node = std::get_if<std::string>(chosen)) refuse_node(*node);
    return described(layer.image, std::get<std::shared_ptr<NodeOptions>>(*chosen));
  }
  if (engine::block::is_json_name(name)) {
    const auto recorded = format.empty() ? std::nullopt : std::optional(format);
    return described(layer.image, engine::block::parse_json_name(name, recorded));
  }
  result.image.path = name;
  result.image.format = format;
  return result;
}

/// Whoever checks an image, or puts one on it, opens what backs it, too. Images may back each
/// other.
Task<void> require_chain(Runtime& runtime, Host& host, Layer layer, unsigned most = 32) {
  if (most == 0) throw Refusal("Too many open files");
  const json info = co_await engine::qcow2::image_info(runtime, host, layer.image);
  std::string trouble;
  try {
    const Layer next = below(layer, info);
    if (next.image.path.empty()) co_return;
    co_await require_chain(runtime, host, next, most - 1);
  } catch (const Refusal& refusal) {
    trouble = refusal.what();
  }
  if (!trouble.empty()) throw Refusal("Could not open backing file: " + trouble);
}

/// The backing file must be there before an image is put on it, and all that backs it.
Task<void> require_backing(Runtime& runtime, Host& host, const json& options) {
  const std::string backing = options.value("backing_file", "");
  if (backing.empty()) co_return;
  const std::string file_name = options.at("file");
  const std::string path = resolve(file_name, backing);
  if (path == file_name) {
    throw Refusal("Error: Trying to create an image with the same filename as the backing file");
  }
  std::unique_ptr<Storage> file = co_await host.open(path, Access::read_only, Locking::off);
  if (!options.contains("backing_fmt")) {
    throw Refusal("Backing file specified without backing format");
  }
  InfoRequest image{path, options["backing_fmt"], Locking::off};  // it reads no data
  if (image.format == "raw") co_return;
  if (image.format != "qcow2") throw Refusal("Unknown driver '" + image.format + "'");
  image.purpose = engine::qcow2::OpenFor::use;
  const Layer first{image};
  co_await require_chain(runtime, host, first);
}

Task<bool> is_qcow2(Storage& file) {
  std::array<std::byte, 4> magic{};
  const std::span<std::byte> buffer(magic);
  co_await file.read(HostOffset{0}, buffer);
  co_return magic == std::array{std::byte{'Q'}, std::byte{'F'}, std::byte{'I'}, std::byte{0xfb}};
}

json check_json(const engine::qcow2::CheckReport& report, const std::string& path) {
  json result{{"filename", path},
              {"format", "qcow2"},
              {"image-end-offset", report.image_end_offset.value},
              {"total-clusters", report.total_clusters},
              {"check-errors", report.check_errors},
              {"findings", report.findings}};
  const auto add = [&](const char* key, std::uint64_t value) {
    if (value > 0) result[key] = value;
  };
  add("corruptions", report.corruptions);
  add("leaks", report.leaks);
  add("allocated-clusters", report.allocated_clusters);
  add("fragmented-clusters", report.fragmented_clusters);
  add("compressed-clusters", report.compressed_clusters);
  return result;
}

json dirty_runs(const std::vector<engine::qcow2::StoredBitmap>& bitmaps, const std::string& name) {
  for (const engine::qcow2::StoredBitmap& bitmap : bitmaps) {
    if (bitmap.name != name) continue;
    if (!bitmap.bits) {
      throw Refusal("Bitmap '" + name + "' is inconsistent and cannot be used");
    }
    json runs = json::array();
    for (const engine::bitmap::Range& range : bitmap.bits->dirty_ranges()) {
      runs.push_back({range.start.value, range.length.value});
    }
    return runs;
  }
  throw Refusal("Dirty bitmap '" + name + "' not found");
}

}  // namespace

std::string resolve(const std::string& image, const std::string& path) {
  if (path.starts_with('/')) return path;
  const std::size_t slash = image.rfind('/');
  return slash == std::string::npos ? path : image.substr(0, slash + 1) + path;
}

Task<void> create(Runtime& runtime, Host& host, json options) {
  const std::string format = options.value("format", "qcow2");
  const std::string path = options.at("file");
  if (format == "raw") {
    if (options.contains("backing_file")) {
      throw Refusal("Backing file not supported for file format 'raw'");
    }
    const ByteCount size{size_of(options)};
    if (options.contains("cluster_size")) throw Refusal("Invalid parameter 'cluster_size'");
    std::unique_ptr<Storage> raw = co_await host.create(path);
    co_await raw->resize(size);
    co_await raw->flush();
    co_return;
  }
  if (format != "qcow2") throw Refusal("Unknown file format '" + format + "'");
  const engine::qcow2::CreateOptions chosen = create_options(options);
  co_await require_backing(runtime, host, options);
  engine::qcow2::check_options(chosen);  // before it cuts what is there to nothing
  std::unique_ptr<Storage> file = co_await host.create(path);
  co_await engine::qcow2::create(*file, chosen);
}

Task<json> check(Runtime& runtime, Host& host, InfoRequest image) {
  image.purpose = engine::qcow2::OpenFor::check;
  const Layer first{image};
  co_await require_chain(runtime, host, first);
  std::unique_ptr<Storage> file = co_await host.open(image.path, Access::read_only, image.locking);
  bool qcow2 = image.format == "qcow2";
  if (image.format.empty()) qcow2 = co_await is_qcow2(*file);
  if (!qcow2) throw Refusal(no_checks);
  const engine::qcow2::CheckReport report = co_await engine::qcow2::check(*file);
  co_return check_json(report, image.path);
}

Task<json> dirty(Runtime& runtime, Host& host, std::string path, std::string bitmap) {
  std::unique_ptr<Storage> file = co_await host.open(path, Access::read_only, Locking::on);
  const engine::qcow2::CacheSizes caches{};
  std::unique_ptr<engine::qcow2::Image> image =
      co_await engine::qcow2::Image::open(runtime, *file, caches);
  engine::qcow2::BitmapStore store(*image);
  const std::vector<engine::qcow2::StoredBitmap> bitmaps = co_await store.load();
  co_return dirty_runs(bitmaps, bitmap);
}

json brief(const json& info) {
  json shown{{"bitmaps", json::array()}};
  for (const char* key : {"format", "virtual-size", "cluster-size", "backing-filename"}) {
    if (info.contains(key)) shown[key] = info[key];
  }
  const json::json_pointer place("/format-specific/data/bitmaps");
  if (!info.contains(place)) return shown;
  for (const json& bitmap : info[place]) {
    shown["bitmaps"].push_back({{"name", bitmap["name"]},
                                {"granularity", bitmap["granularity"]},
                                {"flags", bitmap["flags"]}});
  }
  return shown;
}

}  // namespace sim::images
