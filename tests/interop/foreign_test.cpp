// SPDX-License-Identifier: MIT
// Images that something else made, as QEMU's own tools find them.
#include <filesystem>

#include "tests/catch.h"
#include "tests/interop/qemu_tools.h"
#include "tests/shell.h"
#include "tests/temp_dir.h"
#include "tests/text.h"

namespace tests {
namespace {

const std::string this_program =
    std::string("BLOCKTWIN_ROOT='") + SOURCE_DIR + "' '" + BLOCKTWIN + "' ";
const std::string foreign = std::string(SOURCE_DIR) + "/scenarios/foreign";

}  // namespace

TEST_CASE("QEMU agrees on every image of others") {
  const ShellResult result = shell(this_program + "replay --strict " + foreign);
  INFO(result.out);
  CHECK(result.status == 0);
  CHECK(has(result.out, ": all agree"));
}

TEST_CASE("what the engine leaves of images of others qemu-img finds sound") {
  const TempDir directory;
  const std::string options = "replay --subject model,engine --storage files --dir ";
  const ShellResult result =
      shell(this_program + options + "'" + directory.path().string() + "' " + foreign + "/kinds*");
  INFO(result.out);
  REQUIRE(result.status == 0);
  unsigned images = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory.path())) {
    if (entry.path().filename() != "PID-a") continue;
    ++images;
    const nlohmann::json check = qemu_img_check(entry.path());
    CHECK(check == nlohmann::json{{"corruptions", 0}, {"leaks", 0}});
  }
  CHECK(images > 0);
}

}  // namespace tests
