// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <span>

#include "sim/foreign/image.h"

namespace sim::foreign {

/// What a writer has to keep that does not know what it is for:
/// {"snapshots":[{"name":…,"data":[[start,length,byte]…]}…],"extensions":[[type,length]…],
/// "compatible":bits}; data as read through the snapshot alone, what it does not hold left out.
nlohmann::json keepsakes_of(const Image& image);

/// Reads bytes of a file; zeros past its end.
using ReadAt = std::function<void(std::uint64_t offset, std::span<std::byte> to)>;
/// The same, as it is found in a file. Data that is broken or not all alike within a cluster has
/// byte -1. {"error":{…}} if the file is no qcow2 image.
nlohmann::json keepsakes_in(const ReadAt& read);
/// The same of a file by its name.
nlohmann::json keepsakes_in_file(const std::string& path);

}  // namespace sim::foreign
