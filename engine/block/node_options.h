// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "engine/block/node.h"

namespace engine::block {

struct NodeOptions;

/// A child of a node to be made: the name of one that there is, or how to make it.
using ChildOptions = std::variant<std::string, std::shared_ptr<NodeOptions>>;
/// No backing, whatever the image says.
struct NoBacking {};
/// What a node to be made reads through to: what the image says, nothing, or this.
using BackingOptions = std::variant<std::monostate, NoBacking, ChildOptions>;

/// What blockdev-add was asked for. What was not given is absent.
struct NodeOptions {
  std::string driver;  ///< "file", "raw" or "qcow2"
  std::optional<std::string> node_name;
  std::optional<io::Access> access;  ///< none: that of the parent; a backing is read-only
  std::optional<DiscardMode> discard_mode;
  std::string filename;  ///< of a file
  ChildOptions file{};   ///< of a format
  BackingOptions backing{};
};

}  // namespace engine::block
