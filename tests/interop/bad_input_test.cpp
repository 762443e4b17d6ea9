// SPDX-License-Identifier: MIT
// What users, files and machines do wrong: one clear line, a status that is not 0, no image
// damaged.
#include <sys/mount.h>

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

/// A directory with a sound image, and a blocktwin to run in it.
class Bench {
 public:
  Bench() { shell_ok("qemu-img create -q -f qcow2 '" + image("good") + "' 1M"); }

  std::string image(const std::string& name) const { return directory_ / (name + ".qcow2"); }
  ShellResult run(const std::string& arguments) const {
    return shell("cd '" + directory_.path().string() + "' && BLOCKTWIN_ROOT='" + SOURCE_DIR +
                 "' '" + BLOCKTWIN + "' " + arguments);
  }
  void write_file(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ / name) << text;
  }

  /// Both looks at the image are refused in one line that names the file and says `reason`.
  void is_refused(const std::string& name, const std::string& reason) const {
    for (const std::string verb : {"info", "check"}) {
      const ShellResult result = run("img " + verb + " -f qcow2 " + name + ".qcow2");
      INFO(verb << " " << name << ": " << result.out);
      CHECK(result.status == (verb == "check" ? 1 : 2));
      CHECK(mentions(result.out, name + ".qcow2"));
      CHECK(mentions(result.out, reason));
      CHECK(std::count(result.out.begin(), result.out.end(), '\n') == 1);
    }
  }
  /// What is told when a bitmap of that file is looked at, for which the engine opens the image.
  std::string opened(const std::string& name) const {
    const ShellResult result = run("img dirty " + name + ".qcow2 b");
    CHECK(result.status == 2);
    return result.out;
  }
  const TempDir& directory() const { return directory_; }

 private:
  TempDir directory_;
};

/// A small file system in memory for the time of a test; not `there` where mounting is not allowed.
class SmallDisk {
 public:
  explicit SmallDisk(std::string place) : place_(std::move(place)) {
    fs::create_directory(place_);
    there_ = mount("tmpfs", place_.c_str(), "tmpfs", 0, "size=512k") == 0;
    if (!there_) WARN("no right to mount a small tmpfs here: not tried");
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (there_) umount2(place_.c_str(), MNT_DETACH);
  }
  bool there() const { return there_; }
  void make_read_only() const {
    REQUIRE(mount("tmpfs", place_.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr) == 0);
  }

 private:
  std::string place_;
  bool there_;
};

}  // namespace

TEST_CASE_METHOD(Bench, "what is no image is refused with its name and the reason") {
  is_refused("missing", "No such file or directory");
  fs::create_directory(image("directory"));
  is_refused("directory", "regular file");
  write_file("random.qcow2", std::string(4096, 'x'));
  is_refused("random", "Image is not in qcow2 format");
  fs::copy(image("good"), image("truncated"));
  fs::resize_file(image("truncated"), 60);
  is_refused("truncated", "");
  CHECK(mentions(opened("directory"), "regular file"));
  CHECK(mentions(opened("random"), "Image is not in qcow2 format"));
}

TEST_CASE_METHOD(Bench, "an image that lost its tables is told as broken and left alone") {
  fs::copy(image("good"), image("short"));
  fs::resize_file(image("short"), 70'000);
  const ShellResult result = run("img check short.qcow2");
  CHECK(result.status == 2);
  CHECK(mentions(result.out, "ERROR"));
  CHECK(fs::file_size(image("short")) == 70'000);
}

TEST_CASE_METHOD(Bench, "img check ends as qemu-img check ends") {
  const auto patch = [this](std::uint64_t at, const std::string& bytes) {
    std::fstream file(image("good"), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file << bytes;
  };
  const auto expect = [this](int status) {
    const ShellResult ours = run("img check good.qcow2");
    INFO(ours.out);
    CHECK(ours.status == status);
    const ShellResult qemus = shell("qemu-img check '" + image("good") + "' 2>/dev/null");
    CHECK(qemus.status == status);
    CHECK(std::ranges::count(ours.out, '\n') >= std::ranges::count(qemus.out, '\n'));
  };
  expect(0);
  patch(0x20000 + 60, std::string("\0\1", 2));  // of the refcount block, whose clusters are 64 KiB
  expect(0);
  patch(0x20000, std::string("\0\3", 2));
  expect(3);
  patch(0x20000 + 2, std::string("\0\0", 2));
  expect(2);
  patch(0x10000, std::string("\200", 1));  // of the refcount table: nothing can be read there
  expect(1);
}

TEST_CASE_METHOD(Bench, "img info tells of snapshots, and of names that are no text") {
  const bool qemu_img_is_7 = mentions(shell_ok("qemu-img --version"), "version 7.");
  const auto must_be_as_qemus = [&, this](const std::string& options) {
    const std::string file = image("good");
    const std::string qemus = shell_ok("qemu-img info " + options + " '" + file + "'");
    const ShellResult ours = run("img info " + options + " '" + file + "'");
    CHECK(ours.status == 0);
    // Since version 8 QEMU goes on to tell of the file below, and lays its table out in another
    // way.
    if (options.empty()) {
      if (qemu_img_is_7) CHECK(ours.out == qemus);
    } else {
      nlohmann::json told = nlohmann::json::parse(qemus);
      told.erase("children");
      CHECK(nlohmann::json::parse(ours.out) == told);
    }
  };
  shell_ok("qemu-img snapshot -c 'before the great change' '" + image("good") + "'");
  shell_ok("qemu-img snapshot -c after '" + image("good") + "'");
  must_be_as_qemus("");
  must_be_as_qemus("--output=json");
  shell_ok("qemu-img bitmap --add '" + image("good") + "' 'a\377z'");
  must_be_as_qemus("--output=json");
}

TEST_CASE_METHOD(Bench, "wrong arguments of a command are refusals in the transcript") {
  write_file("types.scenario",
             "# Types.\nrefused: block-dirty-bitmap-add node=5 name=b\n"
             "refused: block-dirty-bitmap-add node=n bogus=1\n");
  const ShellResult result = run("transcript types.scenario --subject engine");
  INFO(result.out);
  CHECK(result.status == 0);
  CHECK(mentions(result.out, "Invalid parameter type for 'node', expected: string"));
  CHECK(mentions(result.out, "Parameter 'name' is missing"));
}

TEST_CASE_METHOD(Bench, "an image that a running QEMU has open is not touched") {
  shell_ok(
      "qemu-system-x86_64 -M none -accel tcg -S -display none -nodefaults -daemonize -pidfile '" +
      directory() / "pid" + "' -drive if=none,id=d,format=qcow2,file='" + image("good") + "'");
  is_refused("good", "Is another process using the image");
  const ShellResult made = run("img create -f qcow2 good.qcow2 2M");
  CHECK(made.status == 2);
  CHECK(mentions(made.out, "lock"));
  CHECK(mentions(opened("good"), "lock"));
  CHECK(run("img info -U good.qcow2").status == 0);
  shell_ok("kill $(cat '" + directory() / "pid" + "'); sleep 1");
  CHECK(qemu_img_info(image("good")).at("virtual-size") == 1 << 20);
}

TEST_CASE_METHOD(Bench, "a full disk is told where it happened and breaks no image") {
  const std::string small = directory() / "small";
  const SmallDisk disk(small);
  if (!disk.there()) return;
  const ShellResult result = run("replay --subject model,engine --storage files --dir small '" +
                                 std::string(SOURCE_DIR) + "/scenarios/testcases'");
  INFO(result.out);
  CHECK(result.status == 1);
  CHECK(mentions(result.out, "snapshot-commit.scenario:"));
  CHECK(mentions(result.out, "No space left on device"));
  unsigned images = 0;
  for (const auto& entry : fs::recursive_directory_iterator(small)) {
    if (!entry.is_regular_file() || entry.file_size() == 0) continue;
    if (shell("qemu-img info -f qcow2 '" + entry.path().string() + "'").status != 0) continue;
    ++images;
    CHECK(qemu_img_check(entry.path().string()).at("corruptions") == 0);
  }
  CHECK(images >= 1);
}

TEST_CASE_METHOD(Bench, "an image that may only be read is read, and refused for writing") {
  const SmallDisk disk(directory() / "small");
  if (!disk.there()) return;
  fs::copy(image("good"), image("small/good"));
  disk.make_read_only();
  CHECK(run("img info small/good.qcow2").status == 0);
  CHECK(run("img check small/good.qcow2").status == 0);
  const ShellResult made = run("img create -f qcow2 small/good.qcow2 2M");
  INFO(made.out);
  CHECK(made.status == 2);
  CHECK(mentions(made.out, "small/good.qcow2"));
  CHECK(mentions(made.out, "Read-only file system"));
  CHECK(qemu_img_info(image("small/good")).at("virtual-size") == 1 << 20);
}

TEST_CASE_METHOD(Bench, "a directory that cannot be written is told") {
  const ShellResult result =
      run("replay --subject model,engine --storage files --dir /proc/nowhere '" +
          std::string(SOURCE_DIR) + "/scenarios/testcases'");
  INFO(result.out);
  CHECK(result.status == 2);
  CHECK(mentions(result.out, "/proc/nowhere"));
}

}  // namespace tests
