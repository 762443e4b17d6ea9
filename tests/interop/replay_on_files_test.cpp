// SPDX-License-Identifier: MIT
// Images that a replay on real files leaves behind are put before QEMU's own tools.
#include <algorithm>
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

/// Files of that directory and those below, in an order that does not change.
std::vector<std::string> files_below(const fs::path& directory) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// The scenarios that leave images worth a look.
std::string scenario_folders() {
  std::string folders;
  for (const char* name : {"bitmaps", "blockdev", "commit", "persistence", "power", "resize",
                           "snapshot", "testcases"}) {
    folders += std::string(" '") + SOURCE_DIR + "/scenarios/" + name + "'";
  }
  return folders;
}

}  // namespace

TEST_CASE("images of a replay on files satisfy QEMU's tools", "[slow]") {
  const TempDir directory;
  shell_ok(std::string("BLOCKTWIN_ROOT='") + SOURCE_DIR + "' " + BLOCKTWIN +
           " replay --storage files --subject model,engine --dir '" + directory.path().string() +
           "'" + scenario_folders());
  unsigned images = 0, looked_at = 0, bitmaps = 0;
  for (const std::string& file : files_below(directory.path())) {
    if (!is_qcow2(file)) continue;
    // There are hundreds that differ in little; some of them will do.
    if (images++ % 6 != 0) continue;
    INFO(file);
    const json ours =
        json::parse(shell_ok(std::string(BLOCKTWIN) + " img info --output json '" + file + "'"));
    ++looked_at;
    const json clean = {{"corruptions", 0}, {"leaks", 0}};
    CHECK(qemu_img_check(file) == clean);
    const json info = qemu_img_info(file);
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
  CHECK(looked_at >= 30);
  CHECK(bitmaps >= 10);
}

}  // namespace tests
