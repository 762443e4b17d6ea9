// SPDX-License-Identifier: MIT
#include "sim/sweep/image_check.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "sim/qmp_program.h"
#include "sim/usage_error.h"

namespace sim::sweep {

using nlohmann::json;

namespace {

void write_out(const SparseBytes& bytes, const std::string& path) {
  std::vector<std::byte> buffer(bytes.size());
  bytes.read(0, buffer);
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(buffer.data()),
             static_cast<std::streamsize>(buffer.size()));
  if (!file.flush()) throw UsageError(path + ": cannot be written");
}

/// The image by itself: what backs it has another name here.
std::string alone(const std::string& path) {
  const json file{{"driver", "file"}, {"filename", path}};
  return "json:" + json{{"driver", "qcow2"}, {"backing", nullptr}, {"file", file}}.dump();
}

}  // namespace

QemuImgInspector::QemuImgInspector(unsigned every)
    : every_(every), directory_(usual_parent()), qemu_img_("qemu-img", QmpProgram::usual_limit) {}

std::string QemuImgInspector::complaint(const DiskFiles& files) {
  if (states_++ % every_ != 0) return {};
  std::string text;
  for (const auto& [path, bytes] : files) {
    if (bytes.size() <= Looks::most_data) text += check(path.substr(path.rfind('/') + 1), bytes);
  }
  return text;
}

std::string QemuImgInspector::check(const std::string& name, const SparseBytes& bytes) {
  const std::string path = directory_ / name;
  write_out(bytes, path);
  const json answer = qemu_img_.check(alone(path));
  if (!answer.contains("corruptions")) return {};
  ++checked_;
  if (answer["corruptions"] == 0) return {};
  return "  qemu-img check: " + name + ": " + answer["corruptions"].dump() + " corruptions\n";
}

}  // namespace sim::sweep
