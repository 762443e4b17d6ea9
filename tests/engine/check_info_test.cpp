// SPDX-License-Identifier: MIT
#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/io/file_host.h"
#include "engine/io/file_loop.h"
#include "engine/qcow2/info.h"
#include "tests/catch.h"
#include "tests/engine/io_process.h"
#include "tests/engine/release.h"
#include "tests/temp_dir.h"

namespace tests {
namespace {

using namespace engine;
using nlohmann::json;

json our_info(const std::string& path, const std::string& format = "",
              io::Locking locking = io::Locking::on) {
  io::FileLoop loop;
  io::FileHost host;
  return loop.run(qcow2::image_info(loop, host, {path, format, locking}));
}

json qemu_info(const std::string& path, const std::string& format = "") {
  std::vector<std::string> command{"qemu-img", "info", "--output=json", path};
  if (!format.empty()) command.insert(command.end(), {"-f", format});
  return json::parse(must_run(command));
}

void require_the_same_info(const std::string& path, const std::string& format = "") {
  const json ours = our_info(path, format);
  REQUIRE(ours == in_our_words(ours, qemu_info(path, format)));
}

void create(const std::string& path, const std::string& options, const std::string& size) {
  must_run({"qemu-img", "create", "-q", "-f", "qcow2", "-o", options, path, size});
}

TEST_CASE("info says what qemu-img says of all kinds of images") {
  TempDir dir;
  const std::string image = dir / "image.qcow2";
  for (const char* options : {"cluster_size=64k", "compat=0.10", "cluster_size=512,refcount_bits=1",
                              "cluster_size=2M,refcount_bits=64", "lazy_refcounts=on"}) {
    CAPTURE(options);
    create(image, options, "10485248");
    require_the_same_info(image);
    require_the_same_info(image, "raw");
  }
}

TEST_CASE("info says what qemu-img says of raw files") {
  TempDir dir;
  for (std::uint64_t size : {0, 1, 1000, 4096, 1 << 20}) {
    const std::string path = dir / "file";
    must_run({"truncate", "-s", std::to_string(size), path});
    require_the_same_info(path);
  }
}

TEST_CASE("info says what qemu-img says of bitmaps") {
  TempDir dir;
  const std::string image = dir / "image.qcow2";
  create(image, "cluster_size=64k", "10M");
  must_run({"qemu-img", "bitmap", "--add", "-g", "4096", image, "fine"});
  must_run({"qemu-img", "bitmap", "--add", "--disable", image, "off"});
  require_the_same_info(image);
  REQUIRE(our_info(image)["format-specific"]["data"]["bitmaps"].size() == 2);
}

TEST_CASE("info says what qemu-img says of backing files") {
  TempDir dir;
  std::filesystem::create_directory(dir / "below");
  create(dir / "base.qcow2", "cluster_size=64k", "10M");
  const std::string image = dir / "below/image.qcow2";
  for (const std::string& backing : {dir / "base.qcow2", std::string("../base.qcow2")}) {
    create(image, "backing_fmt=qcow2,backing_file=" + backing, "10M");
    require_the_same_info(image);
    REQUIRE(our_info(image)["backing-filename"] == backing);
  }
}

TEST_CASE("info on what cannot be opened is refused in QEMU's words") {
  TempDir dir;
  must_run({"truncate", "-s", "100", dir / "raw"});
  for (const std::string& path : {dir / "missing", dir.path().string(), dir / "raw"}) {
    std::string refusal;
    try {
      our_info(path, "qcow2");
    } catch (const Refusal& caught) {
      refusal = caught.what();
    }
    REQUIRE(run({"qemu-img", "info", "-f", "qcow2", path}).output ==
            "qemu-img: Could not open '" + path + "': " + refusal + "\n");
  }
}

TEST_CASE("info looks at an image in use only when told to do without locks") {
  TempDir dir;
  const std::string image = dir / "image.qcow2";
  create(image, "cluster_size=64k", "10M");
  Qemu qemu;
  REQUIRE(qemu.monitor("drive_add 0 if=none,id=d,format=qcow2,file=" + image) == "OK\r\n");
  REQUIRE_THROWS_WITH(our_info(image), "Failed to get shared \"write\" lock");
  REQUIRE(our_info(image, "", io::Locking::off)["virtual-size"] == 10 << 20);
}

}  // namespace
}  // namespace tests
