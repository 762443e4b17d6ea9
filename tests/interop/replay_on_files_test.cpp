// SPDX-License-Identifier: MIT
// Every image that a replay on real files leaves behind is put before QEMU's own tools.
#include <filesystem>
#include <fstream>

#include "tests/catch.h"
#include "tests/interop/qemu_tools.h"
#include "tests/shell.h"
#include "tests/temp_dir.h"

namespace tests {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

bool is_qcow2(const fs::path& file) {
  char magic[4] = {};
  std::ifstream(file, std::ios::binary).read(magic, sizeof magic);
  return std::string(magic, 3) == "QFI" && magic[3] == '\xfb';
}

json bitmaps_of(const json& info) {
  return info.at("format-specific").at("data").value("bitmaps", json::array());
}

bool in_use(const json& bitmap) {
  for (const json& flag : bitmap.at("flags")) {
    if (flag == "in-use") return true;
  }
  return false;
}

std::vector<ByteRun> our_dirty_runs(const std::string& file, const std::string& bitmap) {
  const std::string command =
      std::string(BLOCKTWIN) + " img dirty --output json '" + file + "' '" + bitmap + "'";
  std::vector<ByteRun> runs;
  const json answer = json::parse(shell_ok(command));
  for (const json& run : answer.at("ranges")) {
    runs.push_back({run.at(0).get<std::uint64_t>(), run.at(1).get<std::uint64_t>()});
  }
  return runs;
}

}  // namespace

TEST_CASE("images of a replay on files satisfy QEMU's tools", "[slow]") {
  const TempDir directory;
  shell_ok(std::string("BLOCKTWIN_ROOT='") + SOURCE_DIR + "' " + BLOCKTWIN +
           " replay --storage files --subject model,engine --dir '" + directory.path().string() +
           "'");
  unsigned images = 0, bitmaps = 0;
  for (const auto& entry : fs::recursive_directory_iterator(directory.path())) {
    if (!entry.is_regular_file() || !is_qcow2(entry.path())) continue;
    const std::string file = entry.path().string();
    INFO(file);
    ++images;
    const json clean = {{"corruptions", 0}, {"leaks", 0}};
    json check = qemu_img_check(file);
    // What could not be given back because storage failed is leaked.
    if (file.find("/engine/errors/") != std::string::npos) check["leaks"] = 0;
    CHECK(check == clean);
    const json info = qemu_img_info(file);
    const json ours =
        json::parse(shell_ok(std::string(BLOCKTWIN) + " img info --output json '" + file + "'"));
    CHECK(bitmaps_of(ours) == bitmaps_of(info));
    for (const json& bitmap : bitmaps_of(info)) {
      if (in_use(bitmap)) continue;
      const std::string name = bitmap.at("name").get<std::string>();
      if (name.size() > 200) continue;  // an NBD context of QEMU cannot be that long
      INFO(name);
      CHECK(our_dirty_runs(file, name) == nbd_dirty_runs(file, name));
      ++bitmaps;
    }
  }
  CHECK(images >= 30);
  CHECK(bitmaps >= 10);
}

}  // namespace tests
