// SPDX-License-Identifier: MIT
#include "sim/damage.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sim/subject.h"
#include "sim/subjects.h"
#include "tests/catch.h"

using nlohmann::json;
using namespace sim;

namespace {

constexpr const char* file = "TEST_DIR/PID-a";

/// An engine that has closed an overlay with one persistent bitmap.
std::unique_ptr<Subject> engine_with_image() {
  auto engine = make_engine_subject(StorageKind::sim, "", Timing::instant);
  engine->create_image({{"file", "TEST_DIR/PID-base"}, {"size", "1M"}});
  engine->create_image({{"file", file},
                        {"size", "1M"},
                        {"backing_file", "TEST_DIR/PID-base"},
                        {"backing_fmt", "qcow2"}});
  engine->add_drive({{"id", "drive0"}, {"file", file}});
  engine->execute({{"execute", "block-dirty-bitmap-add"},
                   {"arguments", {{"node", "drive0"}, {"name", "b"}, {"persistent", true}}}});
  engine->stop(Stop::clean);
  return engine;
}

json opened(Subject& engine) { return engine.add_drive({{"id", "drive0"}, {"file", file}}); }

}  // namespace

TEST_CASE("an image is broken in each way, and whole again the second time") {
  for (const std::string& what : damages()) {
    CAPTURE(what);
    const auto engine = engine_with_image();
    const json before = engine->image_info(file);
    engine->damage_image(file, what);
    if (what == "autoclear") {
      REQUIRE(opened(*engine).contains("return"));
      REQUIRE(engine->image_info(file)["bitmaps"].empty());
      continue;
    }
    REQUIRE(opened(*engine).contains("error"));
    engine->damage_image(file, what);
    REQUIRE(engine->image_info(file) == before);
    REQUIRE(opened(*engine).contains("return"));
  }
}

TEST_CASE("what holds no bitmaps cannot be damaged") {
  const std::vector<std::byte> nothing(4096);
  REQUIRE_FALSE(damage(nothing, "bitmap-count"));
  REQUIRE_FALSE(damage({}, "autoclear"));
  REQUIRE_FALSE(damage(nothing, "l1-size"));
  const auto engine = make_engine_subject(StorageKind::sim, "", Timing::instant);
  const auto model = make_model_subject();
  for (Subject* subject : {engine.get(), model.get()}) {
    const auto refused = [&](const std::string& what) {
      return subject->damage_image(file, what)["error"]["desc"] == nothing_to_damage(what);
    };
    REQUIRE(refused("bitmap-type"));
    subject->create_image({{"file", file}, {"size", "1M"}});
    REQUIRE(refused("bitmap-type"));
    subject->add_drive({{"id", "drive0"}, {"file", file}});
    subject->execute({{"execute", "block-dirty-bitmap-add"},
                      {"arguments", {{"node", "drive0"}, {"name", "b"}, {"persistent", true}}}});
    subject->stop(Stop::clean);
    REQUIRE_FALSE(refused("autoclear"));
    REQUIRE(refused("autoclear"));
    REQUIRE(refused("bitmap-type"));
  }
}
