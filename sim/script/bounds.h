// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace sim::script {

/// Whether a JSON text nests more objects and lists in each other than QEMU reads (1024). Reading
/// and printing JSON takes stack for each of them.
bool nests_too_deep(std::string_view json);

/// Whether a file of that name lies in the scenario's own directory: TEST_DIR/…, without "..".
bool is_own_file(const std::string& name);
/// Whether an image that lies there may name that file as what backs it: one of its own, or a plain
/// name, which is looked for beside the image. A name with a colon would be a protocol's.
bool is_own_backing(const std::string& name);
/// The same of a name that may also be "json:{…}", which has to describe a node: its driver (qcow2,
/// raw, file), its file or filename, perhaps its backing, node-name, read-only and discard.
bool is_own_description(const std::string& name);

/// The first file that a request names to be opened, made or written into an image, and that does
/// not lie there; empty if there is none.
std::string foreign_file(const nlohmann::json& request);

}  // namespace sim::script
