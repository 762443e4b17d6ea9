// SPDX-License-Identifier: MIT
#include "sim/reply_shapes.h"

#include <nlohmann/json.hpp>

#include "sim/json_text.h"

namespace sim {

using nlohmann::json;

namespace {

/// A shape is an object of fields ("name?" may be left out), a list of one shape, the name of a
/// kind of value, or the name of another shape here.
const json& shapes() {
  static const json all = json::parse(R"({
    "error reply": {"error": {"class": "text", "desc": "text"}},

    "query-block": [{"device": "text", "inserted?": "node"}],
    "query-named-block-nodes": ["node"],
    "query-block-jobs": [{"device": "text", "status": "text", "paused": "flag", "len": "bytes",
                          "offset": "bytes", "speed": "bytes"}],
    "query-jobs": [{"id": "text", "status": "text"}],
    "human-monitor-command": "text",
    "x-debug-block-dirty-bitmap-sha256": {"sha256": "text"},

    "node": {"node-name": "text", "drv?": "text", "file?": "text", "image": "image",
             "dirty-bitmaps?": ["bitmap"]},
    "image": {"virtual-size": "bytes", "cluster-size?": "cluster"},
    "bitmap": {"name?": "text", "count": "bytes", "granularity": "granularity", "recording": "flag",
               "busy": "flag", "persistent": "flag", "inconsistent?": "flag"},

    "info": {"format": "text", "virtual-size": "bytes", "cluster-size?": "cluster",
             "backing-filename?": "text",
             "format-specific?": {"data?": {"bitmaps?": [
               {"name": "text", "granularity": "granularity", "flags": ["text"]}]}}},
    "check": {"corruptions?": "bytes", "leaks?": "bytes"}
  })");
  return all;
}

constexpr std::uint64_t most_bytes = (std::uint64_t{1} << 63) - 1;

bool is_number(const json& value, std::uint64_t least, std::uint64_t most) {
  if (!value.is_number_unsigned()) return false;
  const auto number = value.get<std::uint64_t>();
  return number >= least && number <= most;
}

/// 512 is the least of QEMU, and 2 GiB the greatest.
bool is_granularity(const json& value) {
  if (!is_number(value, 512, std::uint64_t{1} << 31)) return false;
  const auto number = value.get<std::uint64_t>();
  return (number & (number - 1)) == 0;
}

/// A kind of value, and what it is in words.
struct Kind {
  const char* name;
  bool (*admits)(const json& value);
  const char* words;
};
constexpr Kind kinds[] = {
    {"text", [](const json& value) { return value.is_string(); }, "a string"},
    {"flag", [](const json& value) { return value.is_boolean(); }, "true or false"},
    {"bytes", [](const json& value) { return is_number(value, 0, most_bytes); },
     "a number of bytes"},
    {"cluster", [](const json& value) { return is_number(value, 1, most_bytes); },
     "the size of a cluster"},
    {"granularity", is_granularity, "a power of two from 512 to 2147483648"},
};

/// Looks for the first field that is not as it must be; the path is built only for that one.
class Search {
 public:
  bool holds(const json& shape, const json& value) {
    if (shape.is_string()) return holds_named(shape.get_ref<const std::string&>(), value);
    if (shape.is_array()) return holds_list(shape[0], value);
    return holds_fields(shape, value);
  }
  std::string text() const { return where_ + ": expected " + expected_ + ", found " + found_; }
  void inside(const std::string& step) {
    where_ = step + (where_.empty() || where_[0] == '[' ? "" : ".") + where_;
  }

 private:
  bool holds_named(const std::string& name, const json& value) {
    for (const Kind& kind : kinds) {
      if (name == kind.name) return kind.admits(value) || fails(kind.words, value);
    }
    return holds(shapes().at(name), value);
  }

  bool holds_list(const json& element, const json& value) {
    if (!value.is_array()) return fails("a list", value);
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (!holds(element, value[i])) return below("[" + std::to_string(i) + "]");
    }
    return true;
  }

  bool holds_fields(const json& fields, const json& value) {
    if (!value.is_object()) return fails("an object", value);
    for (const auto& [key, shape] : fields.items()) {
      const bool optional = key.ends_with('?');
      const std::string name = optional ? key.substr(0, key.size() - 1) : key;
      const auto field = value.find(name);
      if (field == value.end() && optional) continue;
      if (field == value.end()) return fails("the field \"" + name + "\"", value);
      if (!holds(shape, *field)) return below(name);
    }
    return true;
  }

  bool below(const std::string& step) {
    inside(step);
    return false;
  }

  bool fails(const std::string& expected, const json& value) {
    constexpr std::size_t most = 80;
    expected_ = expected;
    found_ = json_text(value);
    if (found_.size() > most) found_ = found_.substr(0, most) + "…";
    return false;
  }

  std::string where_, expected_, found_;
};

std::optional<std::string> fault_of(const json& shape, const std::string& start,
                                    const json& value) {
  Search search;
  if (search.holds(shape, value)) return std::nullopt;
  search.inside(start);
  return search.text();
}

}  // namespace

std::optional<std::string> fault_of_reply(const std::string& command, const json& reply) {
  if (reply.contains("error")) {
    Search search;
    return search.holds("error reply", reply) ? std::nullopt : std::optional(search.text());
  }
  const auto returned = reply.find("return");
  if (returned == reply.end()) return "neither \"return\" nor \"error\"";
  const auto shape = shapes().find(command);
  return shape == shapes().end() ? std::nullopt : fault_of(*shape, "return", *returned);
}

std::optional<std::string> fault_of_image(const std::string& kind, const json& printed) {
  return fault_of(shapes().at(kind), kind, printed);
}

}  // namespace sim
