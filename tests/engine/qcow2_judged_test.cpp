// SPDX-License-Identifier: MIT
#include <filesystem>
#include <fstream>

#include "engine/io/file_host.h"
#include "engine/io/file_loop.h"
#include "tests/catch.h"
#include "tests/engine/qcow2_world.h"
#include "tests/shell.h"
#include "tests/temp_dir.h"

// Random requests near the borders of tables, and qemu-img as the judge: it shares no mistake with
// us.

namespace tests {
namespace {

/// Drawn from a seed.
class Choice {
 public:
  explicit Choice(std::uint64_t seed) : state_(seed * 2 + 1) {}
  std::uint64_t below(std::uint64_t limit) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return (state_ >> 33) % limit;
  }
  template <class T>
  T of(const std::vector<T>& values) {
    return values[below(values.size())];
  }

 private:
  std::uint64_t state_;
};

/// An overlay of ours beside a raw file of the same size that gets the same requests.
class Judged {
 public:
  Judged(const TempDir& directory, CreateOptions options, Choice& choice)
      : path_(directory / "image"), twin_(directory / "twin"), choice_(choice), options_(options) {
    std::filesystem::remove(path_);
    file_ = loop_.run(host_.create(path_));
    loop_.run(create(*file_, options_));
    open();
  }
  /// Around a border of what an L2 table, a refcount block or an L1 sector speaks of.
  void request() {
    const std::uint64_t cluster = options_.cluster_size.value;
    const std::uint64_t table = cluster * (cluster / 8);
    const std::uint64_t borders = units_for(options_.size.value, table);
    const std::uint64_t border = choice_.below(borders + 1) * table;
    const std::uint64_t before = choice_.below(3 * cluster);
    const std::uint64_t at =
        std::min(border > before ? border - before : border, options_.size.value - 512);
    const std::uint64_t size = std::min(1 + choice_.below(6 * cluster), options_.size.value - at);
    const std::uint64_t verb = choice_.below(8);
    if (verb < 5) {
      write(at, pattern(size, ++writes_));
    } else {
      std::fstream twin(twin_, std::ios::in | std::ios::out | std::ios::binary);
      put(twin, at, Bytes(size));
      const io::Unmap unmap = verb == 5 ? io::Unmap::no : io::Unmap::yes;
      loop_.run(image_->write_zeroes({at}, {size}, unmap));
    }
    if (verb == 7) loop_.run(image_->flush());
  }
  /// Fills much of the disk, so that refcount blocks and tables are added.
  void fill(std::uint64_t start, std::uint64_t size) { write(start, pattern(size, ++writes_)); }
  void reopen() {
    loop_.run(image_->prepare_read_only());
    open();
  }
  /// What qemu-img finds; empty: nothing.
  std::string verdict() {
    loop_.run(image_->prepare_read_only());
    image_.reset();
    file_.reset();
    const ShellResult whole = shell("qemu-img check -f qcow2 " + path_);
    const ShellResult same = shell("qemu-img compare -f raw -F qcow2 " + twin_ + " " + path_);
    return (whole.status != 0 ? whole.out : "") + (same.status != 0 ? same.out : "");
  }
  const std::string& twin() const { return twin_; }

 private:
  void open() {
    image_ = loop_.run(Image::open(loop_, *file_, CacheSizes{ByteCount{1}, ByteCount{1}}));
    std::ofstream(twin_, std::ios::app);
    std::filesystem::resize_file(twin_, options_.size.value);
  }
  void write(std::uint64_t at, const Bytes& data) {
    std::fstream twin(twin_, std::ios::in | std::ios::out | std::ios::binary);
    put(twin, at, data);
    const std::span<const std::byte> bytes(data);
    loop_.run(image_->write({at}, bytes));
  }
  static void put(std::fstream& file, std::uint64_t at, const Bytes& data) {
    file.seekp(static_cast<std::streamoff>(at));
    file.write(reinterpret_cast<const char*>(data.data()),
               static_cast<std::streamsize>(data.size()));
  }

  std::string path_;
  std::string twin_;
  Choice& choice_;
  CreateOptions options_;
  io::FileLoop loop_;
  io::FileHost host_;
  std::unique_ptr<io::Storage> file_;
  std::unique_ptr<Image> image_;
  unsigned writes_ = 0;
};

TEST_CASE("qemu-img finds nothing wrong at the borders of tables", "[qemu][slow]") {
  const TempDir directory;
  for (std::uint64_t seed = 1; seed <= 24; ++seed) {
    CAPTURE(seed);
    Choice choice(seed);
    CreateOptions options;
    options.cluster_size.value = choice.of<std::uint64_t>({512, 512, 1024, 4096, 65536});
    options.refcount_bits = choice.of<unsigned>({1, 2, 4, 8, 16, 64});
    options.size.value = round_up(choice.of<std::uint64_t>({300000, 5 << 20, 40 << 20}), 512);
    std::filesystem::remove(directory / "twin");
    Judged judged(directory, options, choice);
    if (choice.below(2) == 0) judged.fill(0, std::min<std::uint64_t>(options.size.value, 3 << 20));
    for (unsigned i = 0; i < 40; ++i) judged.request();
    judged.reopen();
    for (unsigned i = 0; i < 20; ++i) judged.request();
    REQUIRE(judged.verdict() == "");
  }
}

}  // namespace
}  // namespace tests
