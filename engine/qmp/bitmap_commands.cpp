// SPDX-License-Identifier: MIT
#include "engine/block/bitmap_commands.h"

#include "engine/qmp/arguments.h"
#include "engine/qmp/commands.h"
#include "engine/qmp/session.h"

namespace engine::qmp {
namespace {

using nlohmann::json;
using Answer = io::Task<json>;

block::BitmapAddress address(const json& arguments, const char* name_key = "name") {
  return {text(arguments, "node"), text(arguments, name_key)};
}

Answer add(Session& session, const json& arguments) {
  block::NewBitmap bitmap;
  bitmap.node = text(arguments, "node");
  bitmap.name = text(arguments, "name");
  bitmap.granularity = optional<std::uint32_t>(arguments, "granularity");
  if (value_or(arguments, "persistent", false)) bitmap.lifetime = block::Lifetime::persistent;
  if (value_or(arguments, "disabled", false)) bitmap.recording = block::Recording::off;
  block::add_bitmap(session.layer, bitmap);
  return Answer::ready(nothing());
}

Answer nothing_after(io::Task<void> work) {
  co_await work;
  co_return nothing();
}

Answer remove(Session& session, const json& arguments) {
  return nothing_after(block::remove_bitmap(session.layer, address(arguments)));
}

Answer clear(Session& session, const json& arguments) {
  block::clear_bitmap(session.layer, address(arguments));
  return Answer::ready(nothing());
}

Answer enable(Session& session, const json& arguments) {
  block::set_recording(session.layer, address(arguments), block::Recording::on);
  return Answer::ready(nothing());
}

Answer disable(Session& session, const json& arguments) {
  block::set_recording(session.layer, address(arguments), block::Recording::off);
  return Answer::ready(nothing());
}

Answer merge(Session& session, const json& arguments) {
  std::vector<block::MergeSource> sources;
  for (const json& source : arguments["bitmaps"]) {
    if (source.is_string()) {
      sources.emplace_back(source.get<std::string>());
    } else {
      sources.emplace_back(address(source));
    }
  }
  block::merge_bitmaps(session.layer, address(arguments, "target"), sources);
  return Answer::ready(nothing());
}

Answer sha256(Session& session, const json& arguments) {
  const block::NodeBitmap& bitmap = block::require_bitmap(session.layer, address(arguments));
  return Answer::ready(json{{"sha256", bitmap.bits.sha256()}});
}

}  // namespace

std::vector<Command> bitmap_commands() {
  const Schema one{{"node", Type::string}, {"name", Type::string}};
  return {{"block-dirty-bitmap-add",
           {{"node", Type::string},
            {"name", Type::string},
            {"granularity", Type::uint32, Presence::optional},
            {"persistent", Type::boolean, Presence::optional},
            {"disabled", Type::boolean, Presence::optional}},
           add},
          {"block-dirty-bitmap-remove", one, remove},
          {"block-dirty-bitmap-clear", one, clear},
          {"block-dirty-bitmap-enable", one, enable},
          {"block-dirty-bitmap-disable", one, disable},
          {"block-dirty-bitmap-merge",
           {{"node", Type::string}, {"target", Type::string}, {"bitmaps", Type::bitmap_list}},
           merge},
          {"x-debug-block-dirty-bitmap-sha256", one, sha256}};
}

}  // namespace engine::qmp
