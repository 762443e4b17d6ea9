// SPDX-License-Identifier: MIT
#include "engine/qmp/blockdev_options.h"

#include "engine/error.h"
#include "engine/qmp/arguments.h"
#include "engine/qmp/schema.h"

namespace engine::qmp {
namespace {

using nlohmann::json;

constexpr Presence maybe = Presence::optional;

/// What all drivers have, before `cache` and after it.
const Schema& first_options() {
  static const Schema schema{
      {"driver", Type::enumeration, Presence::required, {"file", "qcow2", "raw"}},
      {"node-name", Type::string, maybe},
      {"discard", Type::enumeration, maybe, {"ignore", "unmap"}},
      {"cache", Type::object, maybe}};
  return schema;
}

const Schema& cache_options() {
  static const Schema schema{{"direct", Type::boolean, maybe}, {"no-flush", Type::boolean, maybe}};
  return schema;
}

const Schema& later_options() {
  static const Schema schema{{"read-only", Type::boolean, maybe},
                             {"auto-read-only", Type::boolean, maybe},
                             {"force-share", Type::boolean, maybe},
                             {"detect-zeroes", Type::enumeration, maybe, {"off", "on", "unmap"}}};
  return schema;
}

const Schema& file_options() {
  static const Schema schema{{"filename", Type::string},
                             {"locking", Type::enumeration, maybe, {"auto", "on", "off"}},
                             {"aio", Type::enumeration, maybe, {"threads", "native", "io_uring"}},
                             {"aio-max-batch", Type::integer, maybe},
                             {"drop-cache", Type::boolean, maybe}};
  return schema;
}

const Schema& qcow2_options() {
  static const Schema schema{{"lazy-refcounts", Type::boolean, maybe},
                             {"pass-discard-request", Type::boolean, maybe},
                             {"pass-discard-snapshot", Type::boolean, maybe},
                             {"pass-discard-other", Type::boolean, maybe},
                             {"cache-size", Type::integer, maybe},
                             {"l2-cache-size", Type::integer, maybe},
                             {"l2-cache-entry-size", Type::integer, maybe},
                             {"refcount-cache-size", Type::integer, maybe},
                             {"cache-clean-interval", Type::integer, maybe}};
  return schema;
}

/// Reads an object member by member, in the schema's order, and refuses what nobody asked for.
class Reader {
 public:
  Reader(const json& object, std::string path) : object_(object), path_(std::move(path)) {}

  block::NodeOptions read() {
    check(first_options());
    if (const json* cache = find("cache")) {
      check_arguments(cache_options(), *cache, path_ + "cache.");
    }
    check(later_options());
    block::NodeOptions options;
    options.driver = text(object_, "driver");
    options.node_name = optional<std::string>(object_, "node-name");
    if (const json* read_only = find("read-only")) {
      options.access = read_only->get<bool>() ? io::Access::read_only : io::Access::read_write;
    }
    if (const json* discard = find("discard")) {
      options.discard_mode =
          *discard == "unmap" ? block::DiscardMode::unmap : block::DiscardMode::ignore;
    }
    read_own_options(options);
    refuse_others(known_, object_, path_);
    return options;
  }

 private:
  void check(const Schema& schema) {
    check_members(schema, object_, path_);
    known_.insert(known_.end(), schema.begin(), schema.end());
  }
  const json* find(const char* name) const {
    const auto found = object_.find(name);
    return found != object_.end() ? &*found : nullptr;
  }
  void read_own_options(block::NodeOptions& options) {
    if (options.driver == "file") {
      check(file_options());
      options.filename = text(object_, "filename");
      return;
    }
    check({{"file", Type::any}});
    options.file = read_child("file", "BlockdevRef");
    if (options.driver != "qcow2") return;
    check({{"backing", Type::any, maybe}});
    if (find("backing") != nullptr) options.backing = read_backing();
    check(qcow2_options());
  }
  block::ChildOptions read_child(const char* name, const char* expected) const {
    const json& child = object_[name];
    if (child.is_string()) return child.get<std::string>();
    if (!child.is_object()) {
      throw Refusal("Invalid parameter type for '" + path_ + name + "', expected: " + expected);
    }
    return std::make_shared<block::NodeOptions>(Reader(child, path_ + name + ".").read());
  }
  block::BackingOptions read_backing() const {
    const json& backing = object_["backing"];
    // An empty name is what clients said before null could be said.
    if (backing.is_null() || backing == "") return block::NoBacking{};
    return read_child("backing", "BlockdevRefOrNull");
  }

  const json& object_;
  std::string path_;
  Schema known_;
};

}  // namespace

block::NodeOptions parse_blockdev_options(const json& arguments) {
  return Reader(arguments, {}).read();
}

}  // namespace engine::qmp
