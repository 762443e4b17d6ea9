// SPDX-License-Identifier: MIT
#include "engine/qmp/drive_options.h"

#include <map>
#include <optional>
#include <utility>

#include "engine/error.h"
#include "engine/size_argument.h"

namespace engine::qmp {
namespace {

using OptionMap = std::map<std::string, std::string>;

/// Up to the next single comma, or to the end; a doubled comma is one comma of the value.
std::string take_item(const std::string& text, std::size_t& place) {
  std::string item;
  for (; place < text.size(); ++place) {
    if (text[place] == ',') {
      if (place + 1 == text.size() || text[place + 1] != ',') break;
      ++place;
    }
    item += text[place];
  }
  if (place < text.size()) ++place;
  return item;
}

OptionMap split(const std::string& text) {
  OptionMap options;
  for (std::size_t place = 0; place < text.size();) {
    const std::string item = take_item(text, place);
    const std::size_t equals = item.find('=');
    const bool has_value = equals != std::string::npos;
    options[item.substr(0, equals)] = has_value ? item.substr(equals + 1) : "on";
  }
  return options;
}

std::optional<std::string> take(OptionMap& options, const std::string& key) {
  auto node = options.extract(key);
  return node.empty() ? std::nullopt : std::optional(std::move(node.mapped()));
}

io::Access parse_access(const std::string& value) {
  if (value == "on") return io::Access::read_only;
  if (value == "off") return io::Access::read_write;
  throw Refusal("Parameter 'read-only' expects 'on' or 'off'");
}

std::optional<block::DiscardMode> parse_discard(const std::string& value) {
  if (value == "unmap" || value == "on") return block::DiscardMode::unmap;
  if (value == "ignore" || value == "off") return block::DiscardMode::ignore;
  return std::nullopt;
}

/// Tables that a qcow2 image keeps in memory, in bytes.
void take_cache_size(OptionMap& options, const std::string& key, ByteCount& size) {
  const auto value = take(options, key);
  if (!value) return;
  const SizeArgument bytes = parse_size_argument(*value);
  if (bytes.fault != SizeArgument::Fault::none) {
    throw Refusal("Parameter '" + key + "' expects a non-negative number below 2^64");
  }
  size = ByteCount{bytes.bytes};
}

}  // namespace

DriveOptions parse_drive_options(const std::string& text, const std::string& default_id) {
  OptionMap options = split(text);
  DriveOptions drive;
  drive.id = take(options, "id").value_or(default_id);
  drive.open.format = take(options, "format");
  if (auto driver = take(options, "driver")) drive.open.format = std::move(driver);
  drive.open.node_name = take(options, "node-name");
  if (const auto value = take(options, "read-only")) drive.open.access = parse_access(*value);
  if (const auto value = take(options, "discard")) drive.open.discard_mode = parse_discard(*value);
  const auto file = take(options, "file");
  if (!file && !drive.open.format) throw Refusal("Must specify either driver or file");
  if (!file) throw Refusal("A block device must be specified for \"file\"");
  drive.open.filename = *file;
  if (drive.open.format == "qcow2") {
    take_cache_size(options, "l2-cache-size", drive.open.caches.l2);
    take_cache_size(options, "refcount-cache-size", drive.open.caches.refcount);
  }
  // They say how QEMU does its I/O, which is none of a guest's business.
  for (const char* ignored : {"if", "cache", "aio"}) options.erase(ignored);
  if (!options.empty()) {
    throw Refusal("Block format '" + drive.open.format.value_or("raw") +
                  "' does not support the option '" + options.begin()->first + "'");
  }
  return drive;
}

}  // namespace engine::qmp
