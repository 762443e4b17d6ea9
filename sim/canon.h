// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace sim {

/// What of a reply is compared and shown. Queries keep the fields that concern blocks and bitmaps
/// (scenarios/README.md, "Transcript"); version and command lists count as any; unnamed bitmaps
/// are left out; generated node names become "#block". `command` is the request's "execute".
nlohmann::json canonical_reply(const std::string& command, nlohmann::json reply);

/// An event with its timestamp as {"microseconds":"USECS","seconds":"SECS"}.
nlohmann::json canonical_event(nlohmann::json event);

/// The flags of bitmaps in an image_info sorted, and what qemu-img adds to errors taken off.
nlohmann::json canonical_info(nlohmann::json info);

/// Generated node names as "#block", in every string.
void hide_generated_names(nlohmann::json& value);
void hide_generated_names(std::string& text);

}  // namespace sim
