// SPDX-License-Identifier: MIT
#include <bit>
#include <map>
#include <set>

#include "model/model.h"
#include "model/parts.h"

namespace model {

using nlohmann::json;

namespace {

/// M25
void set_qcow2_options(Image& image, const json& options) {
  const std::set<std::string> old{"0.10", "v2"}, current{"1.1", "v3"};
  const std::string compat = options.value("compat", "1.1");
  if (!old.contains(compat) && !current.contains(compat))
    throw Refused{"Parameter 'version' does not accept value '" + compat + "'"};
  image.version = old.contains(compat) ? 2 : 3;
  const Number cluster = parse_size(options.value("cluster_size", "65536")).value_or(0);
  if (cluster < 512 || cluster > 2u << 20 || !std::has_single_bit(cluster))
    throw Refused{"Cluster size must be a power of two between 512 and 2048k"};
  image.cluster = cluster;
  const Number width = parse_size(options.value("refcount_bits", "16")).value_or(0);
  if (width > 64 || !std::has_single_bit(width))
    throw Refused{"Refcount width must be a power of two and may not exceed 64 bits"};
  if (image.version == 2 && width != 16) {
    throw Refused{
        "Different refcount widths than 16 bits require compatibility level 1.1 or above (use "
        "version=v3 or greater)"};
  }
}

}  // namespace

bool fits_header(const Image& image, const std::string& backing, bool bitmaps) {
  const Number fixed = (image.version < 3 ? 96 : 136) + (bitmaps ? 32 : 0) + image.taken;
  return backing.empty() || (backing.size() <= 1023 && fixed + backing.size() <= image.cluster);
}

namespace {

/// M26
void set_backing(const State& state, Image& image, const json& options) {
  image.backing = options.at("backing_file");
  if (image.format == "raw") throw Refused{"Backing file not supported for file format 'raw'"};
  const std::string file = options.at("file");
  if (image.backing == file)
    throw Refused{"Error: Trying to create an image with the same filename as the backing file"};
  const auto below = state.files.find(resolve(file, image.backing));
  if (below == state.files.end()) throw no_file(image.backing);
  if (!options.contains("backing_fmt"))
    throw Refused{"Backing file specified without backing format"};
  image.backing_format = options.at("backing_fmt");
  if (image.backing_format != "qcow2" && image.backing_format != "raw")
    throw Refused{"Unknown driver '" + image.backing_format + "'"};
  image.size = below->second.size;
  if (options.contains("backing_is_open")) return;
  State elsewhere;
  elsewhere.files = state.files;
  Node backing{.file = below->first, .driver = image.backing_format};
  backing.read_only = true;
  open_chain(elsewhere, std::move(backing));
}

/// Folders other than the scenario's own do not exist.
void check_folder(const std::string& file) {
  const std::string own = "TEST_DIR/";
  const auto slash = file.find('/', file.starts_with(own) ? own.size() : 0);
  if (!file.empty() && slash == std::string::npos) return;
  throw Refused{"Could not create '" + file + "': No such file or directory"};
}

Image new_image(const State& state, const json& options) {
  Image image{.format = options.value("format", "qcow2")};
  if (image.format != "qcow2" && image.format != "raw")
    throw Refused{"Unknown file format '" + image.format + "'"};
  if (options.contains("backing_file")) set_backing(state, image, options);
  if (options.contains("size")) {
    const auto size = parse_size(options.at("size"));
    const std::string why = "Invalid image size specified. ";
    if (!size) throw Refused{why + "You may use k, M, G, T, P or E suffixes for"};
    if (*size > too_large - 512) throw Refused{why + "Must be between 0 and 9223372036854775807."};
    image.size = (*size + 511) / 512 * 512;
  } else if (image.backing.empty()) {
    throw Refused{"Image creation needs a size parameter"};
  }
  if (image.format == "qcow2") {
    set_qcow2_options(image, options);
    if (image.size > image.cluster / 8 * image.cluster << 22)
      throw Refused{
          "The image size is too large for file format 'qcow2' (try using a larger cluster size)"};
  } else if (options.contains("cluster_size")) {
    throw Refused{"Invalid parameter 'cluster_size'"};
  }
  if (image.format == "raw") paint(image.data, 0, image.size, zero_byte);
  return image;
}

}  // namespace

json create_image(State& state, const json& options) {
  try {
    const std::string file = options.at("file");
    Image image = new_image(state, options);
    check_folder(file);
    check_lock(state, file, false);
    state.files.insert_or_assign(file, std::move(image));
    return {{"return", json::object()}};
  } catch (const Refused& refused) {
    return error_reply(refused);
  }
}

bool put_image(State& state, const std::string& file, Image image) {
  return state.files.try_emplace(file, std::move(image)).second;
}

State files_to_check(const State& state) {
  State elsewhere;
  elsewhere.files = state.files;
  elsewhere.unreadable = unreadable(state);
  for (auto& [name, image] : elsewhere.files)
    for (const char* table : {"snapshot-count", "snapshot-offset"}) image.damaged.erase(table);
  return elsewhere;
}

json image_info(const State& state, const std::string& file, bool checks) {
  const auto found = state.files.find(file);
  if (found == state.files.end()) return error_reply(no_file(file));
  const Image& image = found->second;
  std::string why = trouble_of(image, false);
  if (checks && why.starts_with("Snapshot ")) why = "ERROR s" + why.substr(1);
  if (!why.empty()) return error_reply({why});
  json info{{"format", image.format}, {"virtual-size", image.size}, {"bitmaps", json::array()}};
  if (image.format == "qcow2") info["cluster-size"] = image.cluster;
  if (!image.backing.empty()) info["backing-filename"] = image.backing;
  for (const StoredBitmap& stored : image.directory) {
    json flags = json::array();
    if (stored.in_use) flags.push_back("in-use");
    if (stored.enabled) flags.push_back("auto");
    info["bitmaps"].push_back(
        {{"name", stored.name}, {"granularity", stored.granularity}, {"flags", flags}});
  }
  return info;
}

}  // namespace model
