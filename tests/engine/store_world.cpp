// SPDX-License-Identifier: MIT
#include "tests/engine/store_world.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/error.h"

namespace tests {

std::ostream& operator<<(std::ostream& to, const Run& run) {
  return to << run.offset << "+" << run.length;
}

std::vector<Run> runs_of(const bitmap::DirtyBits& bits) {
  std::vector<Run> runs;
  for (const bitmap::Range& range : bits.dirty_ranges()) {
    runs.push_back({range.start.value, range.length.value});
  }
  return runs;
}

bitmap::DirtyBits bits_with(std::uint64_t disk_size, std::uint64_t granularity,
                            const std::vector<Run>& dirty) {
  bitmap::DirtyBits bits({disk_size}, bitmap::Granularity(granularity));
  for (const Run& run : dirty) bits.set({run.offset}, {run.length});
  return bits;
}

ImageFile::ImageFile(const std::string& size, const std::string& options)
    : path_(dir_ / "image.qcow2") {
  must_run({"qemu-img", "create", "-q", "-f", "qcow2", "-o", options, path_, size});
}

ImageFile::ImageFile(const std::string& directory, const std::string& size,
                     const std::string& options)
    : path_(directory + "/image.qcow2") {
  must_run({"qemu-img", "create", "-q", "-f", "qcow2", "-o", options, path_, size});
}

ImageFile::~ImageFile() = default;

void ImageFile::qemu_io(const std::string& command) {
  must_run({"qemu-io", "-f", "qcow2", "-c", command, path_});
}

void ImageFile::qemu_add_bitmap(const std::string& name, std::uint64_t granularity) {
  must_run({"qemu-img", "bitmap", "--add", "-g", std::to_string(granularity), "-f", "qcow2", path_,
            name});
}

std::vector<Run> ImageFile::qemu_dirty(const std::string& bitmap) {
  const std::string said =
      must_run({"nbdinfo", "--json", "--map=qemu:dirty-bitmap:" + bitmap, "--", "[", "qemu-nbd",
                "-r", "-f", "qcow2", "-B", bitmap, path_, "]"});
  std::vector<Run> runs;
  for (const nlohmann::json& extent : nlohmann::json::parse(said)) {
    if (extent["type"] != 1) continue;
    const Run run{extent["offset"], extent["length"]};
    // A long run may come in parts.
    if (!runs.empty() && runs.back().offset + runs.back().length == run.offset) {
      runs.back().length += run.length;
    } else {
      runs.push_back(run);
    }
  }
  return runs;
}

std::vector<std::string> ImageFile::qemu_bitmaps() {
  const std::string said = must_run({"qemu-img", "info", "--output=json", path_});
  const nlohmann::json specific = nlohmann::json::parse(said)["format-specific"]["data"];
  std::vector<std::string> lines;
  for (const nlohmann::json& bitmap : specific.value("bitmaps", nlohmann::json::array())) {
    std::string line = bitmap["name"].get<std::string>() + " " + bitmap["granularity"].dump();
    for (const nlohmann::json& flag : bitmap["flags"]) line += " " + flag.get<std::string>();
    lines.push_back(line);
  }
  return lines;
}

Outcome ImageFile::qemu_check() { return tests::run({"qemu-img", "check", "-f", "qcow2", path_}); }

std::string ImageFile::qemu_refusal() {
  const Outcome outcome = tests::run({"qemu-img", "info", "-f", "qcow2", path_});
  if (outcome.status == 0) return {};
  const std::string prefix = "qemu-img: Could not open '" + path_ + "': ";
  return outcome.output.substr(prefix.size(), outcome.output.size() - prefix.size() - 1);
}

BitmapStore& ImageFile::open(io::Access access) {
  file_ = loop_.run(host_.open(path_, access, io::Locking::on));
  image_ = loop_.run(Image::open(loop_, *file_, {}));
  store_ = std::make_unique<BitmapStore>(*image_);
  return *store_;
}

void ImageFile::close() {
  if (file_->access() == io::Access::read_write) loop_.run(image_->prepare_read_only());
  kill();
}

void ImageFile::kill() {
  store_.reset();
  image_.reset();
  file_.reset();
}

void ImageFile::store(const std::string& name, const bitmap::DirtyBits& bits, bool auto_record) {
  BitmapStore& stored = open();
  const std::vector<BitmapToStore> bitmaps{{name, auto_record, &bits}};
  loop_.run(stored.store(bitmaps));
  close();
}

std::vector<StoredBitmap> ImageFile::load() {
  BitmapStore& stored = open(io::Access::read_only);
  std::vector<StoredBitmap> bitmaps = loop_.run(stored.load());
  close();
  return bitmaps;
}

std::string ImageFile::refusal() {
  std::string text;
  try {
    load();
  } catch (const Refusal& caught) {
    text = caught.what();
  }
  kill();
  return text;
}

CheckReport ImageFile::check() {
  const auto file = loop_.run(host_.open(path_, io::Access::read_only, io::Locking::on));
  return loop_.run(qcow2::check(*file));
}

void ImageFile::patch(std::uint64_t offset, std::uint64_t number, unsigned width) {
  std::string bytes;
  for (unsigned i = width; i-- > 0;) bytes += static_cast<char>(number >> (8 * i));
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(offset));
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

std::uint64_t ImageFile::peek(std::uint64_t offset, unsigned width) {
  std::ifstream file(path_, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  std::uint64_t number = 0;
  for (unsigned i = 0; i < width; ++i) number = number << 8 | static_cast<unsigned>(file.get());
  return number;
}

}  // namespace tests
