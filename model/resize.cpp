// SPDX-License-Identifier: MIT
#include <algorithm>

#include "model/parts.h"

namespace model {

using nlohmann::json;

namespace {

constexpr Number endless = ~Number{0};

Number round_up(Number size, Number unit) { return (size + unit - 1) / unit * unit; }

/// S62: the first in the directory that is not to be touched.
void check_stored_bitmaps(State& state, const Node& node) {
  const auto& directory = state.files.at(node.file).directory;
  const std::string trouble = directory.empty() ? "" : surely_fails(state, node.file, "read");
  if (!trouble.empty()) throw Refused{"Failed to read bitmap directory: " + trouble};
  for (const StoredBitmap& stored : directory) {
    for (const Bitmap& bitmap : node.bitmaps) {
      if (bitmap.name == stored.name) check_usable(bitmap, true, true);
    }
  }
}

/// Whether what backs the node would show where it grows (S63).
bool uncovers(const State& state, const Node& node, Number size) {
  const Number old = state.files.at(node.file).size;
  return node.below != 0 && size > old &&
         state.files.at(state.nodes.at(node.below).file).size > old;
}

/// S59, S62: what the format itself refuses.
void check_format(State& state, const Node& node, Number size) {
  const Image& image = state.files.at(node.file);
  if (image.format == "raw") return;
  if (size % 512 != 0) throw Refused{"The new size must be a multiple of 512"};
  if (image.snapshots && image.version < 3)
    throw Refused{"Can't resize a v2 image which has snapshots"};
  check_stored_bitmaps(state, node);
  const Number reach_of_one_entry = image.cluster / 8 * image.cluster;
  if (size > reach_of_one_entry << 22) throw Refused{"Failed to grow the L1 table: File too large"};
}

/// M36, when the table has grown.
void check_zeroing(const State& state, const Node& node, Number size) {
  const Image& image = state.files.at(node.file);
  const bool zero_clusters = uncovers(state, node, size) && image.format != "raw";
  if (image.version < 3 && zero_clusters && size > round_up(image.size, image.cluster))
    throw Refused{"Failed to zero out new clusters: Operation not supported"};
}

/// S61: granules that lie wholly past the end are gone, new ones are clean.
void cut(Bitmap& bitmap, Number size) {
  const Number granules = round_up(size, bitmap.granularity) / bitmap.granularity;
  bitmap.bits.must.remove(granules, endless);
  bitmap.bits.may.remove(granules, endless);
  bitmap.unsure.remove(size, endless);
}

}  // namespace

void resize(State& state, Node& node, Number size) {
  check_format(state, node, size);
  require_sound(state, node.file);
  check_zeroing(state, node, size);
  Image& image = state.files.at(node.file);
  const Number kept = std::min(image.size, size), end = round_up(size, 512);
  const bool zeros = image.format == "raw" || uncovers(state, node, size);
  if (size < image.size) erase(image.data, round_up(size, image.cluster), endless);
  image.size = end;
  if (zeros && kept < end) put(state, node, kept, end, zero_byte);
  image.unsynced.clear();
  for (Bitmap& bitmap : node.bitmaps) cut(bitmap, end);
}

/// S59, S60
json block_resize(State& state, const json& arguments) {
  Node& node = device_or_node(state, arguments);
  const json& size = arguments["size"];
  if (size < 0) throw Refused{"Parameter 'size' expects a >0 size"};
  const auto stands_on = [&](const auto& each) { return each.second.below == node.id; };
  if (busy_with_commit(state, node.id) || std::ranges::any_of(state.nodes, stands_on))
    throw Refused{"Device '" + arguments.value("device", "(null)") + "' is in use"};
  const std::string on = "(uses node '" + node_name(node) + "' as '";
  for (const auto& [id, other] : state.nodes) {
    if (other.over == node.id && other.driver == "qcow2")
      throw Refused{"Permission conflict on node '" + node_name(node) +
                    "': permissions 'resize' are both required by an unnamed block device " + on +
                    "root' child) and unshared by node '" + node_name(other) + "' " + on +
                    "file' child)."};
    const bool shares = other.driver == "qcow2" && other.file == node.file && id != node.id;
    if (shares) throw Refused{"Failed to get \"resize\" lock"};
  }
  const Number most = 9223372035781033984;
  if (size > most)
    throw Refused{"offset(" + size.dump() + ") exceeds maximum(" + std::to_string(most) + ")"};
  if (node.read_only) throw Refused{"Image is read-only"};
  drain(state, node);
  resize(state, node, size);
  return json::object();
}

}  // namespace model
