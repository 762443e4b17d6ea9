// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/model.h"
#include "tests/catch.h"

constexpr const char* bitmap_add = "block-dirty-bitmap-add";

/// A process of the model and its files, in words that a story is told in.
class Story {
 public:
  using json = nlohmann::json;

  /// The reply to a command; arguments as JSON text.
  json qmp(const std::string& command, const std::string& arguments = "{}") {
    return model::execute(state, {{"execute", command}, {"arguments", json::parse(arguments)}});
  }
  void ok(const std::string& command, const std::string& arguments = "{}") {
    const json reply = qmp(command, arguments);
    INFO(command << " " << arguments << " -> " << reply.dump());
    REQUIRE(reply.contains("return"));
  }
  /// The text of the refusal, which must be one.
  std::string refusal(const std::string& command, const std::string& arguments = "{}") {
    const json reply = qmp(command, arguments);
    INFO(command << " " << arguments << " -> " << reply.dump());
    REQUIRE(reply.contains("error"));
    return reply["error"]["desc"];
  }
  std::string io(const std::string& command) { return model::guest_io(state, "drive0", command); }

  void create(const std::string& name, json options = json::object()) {
    options["file"] = path(name);
    if (!options.contains("size")) options["size"] = "1M";
    REQUIRE(model::create_image(state, options).contains("return"));
  }
  void drive(const std::string& name, json options = json::object()) {
    options["id"] = "drive0";
    options["file"] = path(name);
    REQUIRE(model::add_drive(state, options).contains("return"));
  }
  void restart() { model::stop(state, model::Stop::clean); }
  void kill() { model::stop(state, model::Stop::kill); }

  json wait(const std::string& event) {
    const auto found = model::await_event(state, event);
    INFO("waiting for " << event);
    REQUIRE(found);
    return (*found)["data"];
  }
  /// The node as query-named-block-nodes shows it; null if there is none of that name.
  json node(const std::string& name) {
    const json nodes = qmp("query-named-block-nodes")["return"];
    for (const json& each : nodes) {
      if (each["node-name"] == name) return each;
    }
    return nullptr;
  }
  /// The device's bitmap as query-block shows it; null if there is none of that name.
  json bitmap(const std::string& name) {
    const json inserted = qmp("query-block")["return"].at(0)["inserted"];
    for (const json& each : inserted.value("dirty-bitmaps", json::array())) {
      if (each["name"] == name) return each;
    }
    return nullptr;
  }
  json sha(const std::string& name) {
    return qmp("x-debug-block-dirty-bitmap-sha256",
               R"({"node":"drive0","name":")" + name + "\"}")["return"]["sha256"];
  }
  json flags(const std::string& image, const std::string& name) {
    const json info = model::image_info(state, path(image));
    for (const json& each : info["bitmaps"]) {
      if (each["name"] == name) return each["flags"];
    }
    return nullptr;
  }
  static std::string path(const std::string& name) { return "TEST_DIR/PID-" + name; }

  model::State state;
};
