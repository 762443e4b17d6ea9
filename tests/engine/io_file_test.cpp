// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "engine/error.h"
#include "engine/io/checked_storage.h"
#include "engine/io/file_host.h"
#include "engine/io/file_loop.h"
#include "tests/catch.h"
#include "tests/engine/io_process.h"
#include "tests/temp_dir.h"

namespace engine::io {
namespace {

using Bytes = std::vector<std::byte>;

Bytes filled(std::size_t size, int value) { return Bytes(size, static_cast<std::byte>(value)); }

/// A scratch directory with the host that works on it, through the contract checker.
class Files {
 public:
  std::unique_ptr<Storage> open(const std::string& name, Access access = Access::read_write,
                                Locking locking = Locking::on) {
    return loop_.run(host_.open(dir_ / name, access, locking));
  }
  std::unique_ptr<Storage> create(const std::string& name) {
    return loop_.run(host_.create(dir_ / name));
  }
  std::string refusal(const std::string& name, Access access = Access::read_write) {
    try {
      open(name, access);
    } catch (const Refusal& refusal) {
      return refusal.what();
    }
    return "opened";
  }
  std::string operator/(const std::string& name) const { return dir_ / name; }
  FileLoop& loop() { return loop_; }

 private:
  tests::TempDir dir_;
  FileLoop loop_;
  FileHost files_;
  CheckedHost host_{files_};
};

Bytes read(FileLoop& loop, Storage& file, std::uint64_t offset, std::size_t size) {
  Bytes bytes = filled(size, 0xee);
  loop.run(file.read({offset}, bytes));
  return bytes;
}

void write(FileLoop& loop, Storage& file, std::uint64_t offset, const Bytes& bytes) {
  loop.run(file.write({offset}, bytes));
}

TEST_CASE("a file keeps what was written and grows with it") {
  Files files;
  auto file = files.create("f");
  REQUIRE(file->size() == ByteCount{0});
  write(files.loop(), *file, 1000, filled(500, 7));
  REQUIRE(file->size() == ByteCount{1500});
  REQUIRE(read(files.loop(), *file, 1000, 500) == filled(500, 7));
  REQUIRE(read(files.loop(), *file, 0, 1000) == filled(1000, 0));
  files.loop().run(file->flush());
  file.reset();
  REQUIRE(files.open("f", Access::read_only)->size() == ByteCount{1500});
}

TEST_CASE("what lies beyond the end reads as zeros") {
  Files files;
  auto file = files.create("f");
  write(files.loop(), *file, 0, filled(10, 7));
  Bytes expected = filled(10, 7);
  expected.resize(30);
  REQUIRE(read(files.loop(), *file, 0, 30) == expected);
  REQUIRE(read(files.loop(), *file, 1 << 20, 30) == filled(30, 0));
}

TEST_CASE("operations on a file are finished when they return") {
  Files files;
  auto file = files.create("f");
  const Bytes data = filled(10, 7);
  REQUIRE(file->write({0}, data).finished());
  REQUIRE(file->flush().finished());
  Bytes back = filled(10, 0);
  REQUIRE(file->read({0}, back).finished());
  REQUIRE(back == data);
}

TEST_CASE("zeroing reads as zeros and extends the file") {
  const Unmap unmap = GENERATE(Unmap::no, Unmap::yes);
  Files files;
  auto file = files.create("f");
  write(files.loop(), *file, 0, filled(300'000, 7));
  files.loop().run(file->write_zeroes({100'000}, {100'000}, unmap));
  REQUIRE(read(files.loop(), *file, 99'999, 1) == filled(1, 7));
  REQUIRE(read(files.loop(), *file, 100'000, 100'000) == filled(100'000, 0));
  REQUIRE(read(files.loop(), *file, 200'000, 1) == filled(1, 7));
  files.loop().run(file->write_zeroes({299'000}, {11'000}, unmap));
  REQUIRE(file->size() == ByteCount{310'000});
  REQUIRE(read(files.loop(), *file, 298'999, 2) == Bytes{std::byte{7}, std::byte{0}});
  struct stat status {};
  REQUIRE(stat((files / "f").c_str(), &status) == 0);
  REQUIRE(status.st_size == 310'000);
}

TEST_CASE("unmapping gives space back") {
  Files files;
  auto file = files.create("f");
  write(files.loop(), *file, 0, filled(1 << 20, 7));
  files.loop().run(file->flush());
  files.loop().run(file->write_zeroes({0}, {1 << 20}, Unmap::yes));
  struct stat status {};
  REQUIRE(stat((files / "f").c_str(), &status) == 0);
  REQUIRE(status.st_blocks < 64);
}

TEST_CASE("a range ends, for who asks, where only a hole is left") {
  Files files;
  auto file = files.create("f");
  files.loop().run(file->resize({8 << 20}));
  write(files.loop(), *file, 1 << 20, filled(1 << 16, 7));
  const auto before_hole = [&](std::uint64_t start, std::uint64_t length) {
    return file->before_hole({start}, {length}).value;
  };
  REQUIRE(before_hole(0, 4 << 20) >= (1 << 20) + (1 << 16));
  REQUIRE(before_hole(0, 4 << 20) < 2 << 20);
  REQUIRE(before_hole(1 << 20, 1 << 16) == 1 << 16);
  REQUIRE(before_hole(4 << 20, 1 << 20) == 0);
  REQUIRE(before_hole(16 << 20, 1 << 20) == 0);
}

TEST_CASE("resizing cuts off and extends with zeros") {
  Files files;
  auto file = files.create("f");
  write(files.loop(), *file, 0, filled(1000, 7));
  files.loop().run(file->resize({500}));
  files.loop().run(file->resize({2000}));
  REQUIRE(file->size() == ByteCount{2000});
  REQUIRE(read(files.loop(), *file, 400, 200).front() == std::byte{7});
  REQUIRE(read(files.loop(), *file, 500, 1500) == filled(1500, 0));
}

TEST_CASE("files that cannot be opened are refused in QEMU's words") {
  Files files;
  REQUIRE(mkdir((files / "dir").c_str(), 0755) == 0);
  REQUIRE(mkfifo((files / "fifo").c_str(), 0600) == 0);
  files.create("file").reset();
  for (const char* name : {"missing", "nowhere/file", "file/below", "dir", "fifo"}) {
    for (Access access : {Access::read_only, Access::read_write}) {
      const std::string refusal = files.refusal(name, access);
      CAPTURE(refusal);
      if (std::string(name) == "fifo") {  // QEMU hangs on opening it
        REQUIRE(refusal == "'file' driver requires '" + (files / name) + "' to be a regular file");
        continue;
      }
      const std::string said = tests::run({"qemu-img", "info", "-f", "raw", files / name}).output;
      REQUIRE(said == "qemu-img: Could not open '" + (files / name) + "': " + refusal + "\n");
    }
  }
}

TEST_CASE("files that cannot be created are refused in QEMU's words") {
  Files files;
  REQUIRE(mkdir((files / "dir").c_str(), 0755) == 0);
  for (const char* name : {"dir", "nowhere/file"}) {
    const std::string path = files / name;
    const std::string said =
        tests::run({"qemu-img", "create", "-q", "-f", "raw", path, "1M"}).output;
    std::string refusal;
    try {
      files.create(name);
    } catch (const Refusal& caught) {
      refusal = caught.what();
    }
    REQUIRE(said == "qemu-img: " + path + ": " + refusal + "\n");
  }
}

TEST_CASE("a writable opening keeps everybody else out") {
  Files files;
  auto writer = files.create("f");
  REQUIRE(files.refusal("f", Access::read_write) == "Failed to get \"write\" lock");
  REQUIRE(files.refusal("f", Access::read_only) == "Failed to get shared \"write\" lock");
  REQUIRE(files.open("f", Access::read_only, Locking::off) != nullptr);
  REQUIRE_THROWS_AS(files.create("f"), Refusal);
  writer.reset();
  REQUIRE(files.refusal("f") == "opened");
}

TEST_CASE("read-only openings go together and keep writers out") {
  Files files;
  files.create("f").reset();
  auto reader = files.open("f", Access::read_only);
  REQUIRE(files.refusal("f", Access::read_only) == "opened");
  REQUIRE(files.refusal("f", Access::read_write) == "Failed to get \"write\" lock");
}

TEST_CASE("who does not share reading keeps readers out, and has none to begin with") {
  Files files;
  files.create("f").reset();
  auto first = files.open("f", Access::read_only);
  {
    auto second = files.open("f", Access::read_only, Locking::shared);
    REQUIRE_THROWS_WITH(first->share_reads(false), "Failed to get shared \"consistent read\" lock");
  }
  REQUIRE(files.refusal("f", Access::read_only) == "opened");  // as before
  first->share_reads(false);
  REQUIRE(files.refusal("f", Access::read_only) == "Failed to get \"consistent read\" lock");
  REQUIRE(files.refusal("f") == "Failed to get \"consistent read\" lock");
  REQUIRE_THROWS_WITH(files.open("f", Access::read_only, Locking::shared),
                      "Failed to get \"consistent read\" lock");
  REQUIRE(files.open("f", Access::read_only, Locking::off) != nullptr);
  REQUIRE_THROWS_WITH(files.create("f"), "Failed to get \"write\" lock");
  files.loop().run(first->set_access(Access::read_write));
  files.loop().run(first->set_access(Access::read_only));
  REQUIRE(files.refusal("f", Access::read_only) == "Failed to get \"consistent read\" lock");
  first->share_reads(true);
  REQUIRE(files.refusal("f", Access::read_only) == "opened");
}

TEST_CASE("an opening that shares all may be anywhere but where readers are kept out") {
  Files files;
  auto writer = files.create("f");
  auto onlooker = files.open("f", Access::read_only, Locking::shared);
  writer.reset();
  REQUIRE(files.refusal("f") == "opened");
}

TEST_CASE("an opening that shares all may be writable beside somebody who writes") {
  Files files;
  auto writer = files.create("f");
  auto onlooker = files.open("f", Access::read_write, Locking::shared);
  files.loop().run(onlooker->set_access(Access::read_only));
  files.loop().run(onlooker->set_access(Access::read_write));
  writer.reset();
  REQUIRE(files.refusal("f") == "opened");
}

TEST_CASE("creating leaves a file that is in use as it was") {
  Files files;
  auto writer = files.create("f");
  write(files.loop(), *writer, 0, filled(100, 7));
  REQUIRE_THROWS_AS(files.create("f"), Refusal);
  REQUIRE(read(files.loop(), *writer, 0, 100) == filled(100, 7));
}

TEST_CASE("a child process does not keep the locks of a file that is closed") {
  Files files;
  std::unique_ptr<Storage> file = files.create("f");
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  file.reset();
  const std::string answer = files.refusal("f", Access::read_write);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  REQUIRE(answer == "opened");
}

TEST_CASE("a refused lock names the file in its hint") {
  Files files;
  auto writer = files.create("f");
  try {
    files.open("f");
    FAIL("opened");
  } catch (const Refusal& refusal) {
    REQUIRE(refusal.hint() == "Is another process using the image [" + (files / "f") + "]?");
  }
}

TEST_CASE("locks follow a change of access") {
  Files files;
  files.create("f").reset();
  auto file = files.open("f", Access::read_only);
  auto other = files.open("f", Access::read_only);
  REQUIRE_THROWS_AS(files.loop().run(file->set_access(Access::read_write)), Refusal);
  REQUIRE(file->access() == Access::read_only);
  REQUIRE(files.refusal("f", Access::read_only) == "opened");
  other.reset();
  files.loop().run(file->set_access(Access::read_write));
  write(files.loop(), *file, 0, filled(10, 7));
  REQUIRE(files.refusal("f", Access::read_only) == "Failed to get shared \"write\" lock");
  files.loop().run(file->set_access(Access::read_only));
  REQUIRE(files.refusal("f", Access::read_only) == "opened");
  REQUIRE(files.refusal("f", Access::read_write) == "Failed to get \"write\" lock");
}

TEST_CASE("access changes follow the file and not its name") {
  Files files;
  files.create("f").reset();
  auto file = files.open("f", Access::read_only);
  REQUIRE(rename((files / "f").c_str(), (files / "g").c_str()) == 0);
  files.loop().run(file->set_access(Access::read_write));
  write(files.loop(), *file, 0, filled(10, 7));
  file.reset();
  REQUIRE(files.open("g")->size() == ByteCount{10});
}

TEST_CASE("qemu and we keep each other out") {
  Files files;
  const std::string path = files / "f";
  tests::must_run({"qemu-img", "create", "-q", "-f", "qcow2", path, "1M"});
  const auto plug = [&path](tests::Qemu& qemu, const std::string& more) {
    return qemu.monitor("drive_add 0 if=none,id=d,format=qcow2,file=" + path + more);
  };
  const std::string question = "Is another process using the image [" + path + "]?";
  tests::Qemu qemu;
  SECTION("a writing QEMU keeps us out") {
    REQUIRE(plug(qemu, "") == "OK\r\n");
    REQUIRE(files.refusal("f") == "Failed to get \"write\" lock");
    REQUIRE(files.refusal("f", Access::read_only) == "Failed to get shared \"write\" lock");
  }
  SECTION("a reading QEMU lets us read") {
    REQUIRE(plug(qemu, ",readonly=on") == "OK\r\n");
    REQUIRE(files.refusal("f", Access::read_only) == "opened");
    REQUIRE(files.refusal("f") == "Failed to get \"write\" lock");
  }
  SECTION("our writing keeps QEMU out") {
    auto writer = files.open("f");
    REQUIRE(plug(qemu, "") == "Failed to get \"write\" lock\r\n" + question + "\r\n");
    REQUIRE(plug(qemu, ",readonly=on") ==
            "Failed to get shared \"write\" lock\r\n" + question + "\r\n");
  }
  SECTION("reading that we do not share keeps QEMU out") {
    auto reader = files.open("f", Access::read_only);
    reader->share_reads(false);
    REQUIRE(plug(qemu, ",readonly=on") ==
            "Failed to get \"consistent read\" lock\r\n" + question + "\r\n");
  }
  SECTION("our reading lets QEMU read") {
    auto reader = files.open("f", Access::read_only);
    REQUIRE(plug(qemu, "") == "Failed to get \"write\" lock\r\n" + question + "\r\n");
    REQUIRE(plug(qemu, ",readonly=on") == "OK\r\n");
  }
}

TEST_CASE("what the file system refuses fails where it is awaited") {
  Files files;
  auto file = files.create("f");
  const Bytes data = filled(10, 7);
  const std::uint64_t too_far = std::uint64_t{1} << 62;
  Task<void> task = file->write({too_far}, data);
  REQUIRE_THROWS_AS(files.loop().run(std::move(task)), IoError);
}

}  // namespace
}  // namespace engine::io
