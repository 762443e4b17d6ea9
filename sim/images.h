// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/io/runtime.h"
#include "engine/io/storage.h"
#include "engine/qcow2/info.h"

/// Image files without a running process: what qemu-img does, done by the engine. Paths are real
/// ones. Refusals are engine::Refusal in qemu-img's words, without its name in front.
namespace sim::images {

/// A path in the header of `image` is relative to that.
std::string resolve(const std::string& image, const std::string& path);

/// Makes an image; the options of Subject::create_image.
engine::io::Task<void> create(engine::io::Runtime& runtime, engine::io::Host& host,
                              nlohmann::json options);

inline constexpr const char* no_checks = "This image format does not support checks";

/// What `qemu-img check --output=json` tells, and "findings", a line each. With locking shared
/// the file may be in use. Refused if the image or what backs it cannot be opened; with
/// no_checks for another format.
engine::io::Task<nlohmann::json> check(engine::io::Runtime& runtime, engine::io::Host& host,
                                       engine::qcow2::InfoRequest image);

/// The dirty runs of a bitmap that an image holds: [[start,length]…] in bytes, clipped to the disk.
/// Refused if there is no such bitmap, or if it is in use and says nothing.
engine::io::Task<nlohmann::json> dirty(engine::io::Runtime& runtime, engine::io::Host& host,
                                       std::string path, std::string bitmap);

/// The part of what qemu-img info tells (engine/qcow2/info.h) that subjects show: the shape of
/// model::image_info.
nlohmann::json brief(const nlohmann::json& info);

}  // namespace sim::images
