// SPDX-License-Identifier: MIT
#include "sim/cli/img_text.h"

#include <fmt/format.h>

#include <array>
#include <ctime>
#include <nlohmann/json.hpp>

#include "engine/size_argument.h"

namespace sim::cli {

using nlohmann::json;

namespace {

std::string plain(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string bitmaps_text(const json& bitmaps) {
  std::string text = "    bitmaps:\n";
  for (std::size_t i = 0; i < bitmaps.size(); ++i) {
    const json& bitmap = bitmaps[i];
    text += fmt::format("        [{}]:\n            flags:\n", i);
    for (std::size_t flag = 0; flag < bitmap["flags"].size(); ++flag) {
      text += fmt::format("                [{}]: {}\n", flag, plain(bitmap["flags"][flag]));
    }
    text += fmt::format("            name: {}\n            granularity: {}\n",
                        plain(bitmap["name"]), plain(bitmap["granularity"]));
  }
  return text;
}

std::string specific_text(const json& data) {
  std::string text = "Format specific information:\n";
  const auto line = [&](const char* name, const char* key) {
    if (data.contains(key)) text += fmt::format("    {}: {}\n", name, plain(data[key]));
  };
  line("compat", "compat");
  line("compression type", "compression-type");
  line("lazy refcounts", "lazy-refcounts");
  if (data.contains("bitmaps")) text += bitmaps_text(data["bitmaps"]);
  line("refcount bits", "refcount-bits");
  line("corrupt", "corrupt");
  line("extended l2", "extended-l2");
  return text;
}

std::string backing_text(const json& info) {
  if (!info.contains("backing-filename")) return {};
  std::string text = "backing file: " + plain(info["backing-filename"]);
  if (info["full-backing-filename"] != info["backing-filename"]) {
    text += fmt::format(" (actual path: {})", plain(info["full-backing-filename"]));
  }
  text += "\n";
  if (info.contains("backing-filename-format")) {
    text += fmt::format("backing file format: {}\n", plain(info["backing-filename-format"]));
  }
  return text;
}

std::string date_text(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  std::array<char, 32> text{};
  if (localtime_r(&time, &parts) != nullptr) {
    std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
  }
  return text.data();
}

std::string clock_text(std::uint64_t seconds, std::uint64_t nanoseconds) {
  return fmt::format("{:02}:{:02}:{:02}.{:03}", seconds / 3600, seconds / 60 % 60, seconds % 60,
                     nanoseconds / 1'000'000);
}

std::string snapshots_text(const json& snapshots) {
  constexpr const char* columns = "{:<9} {:<16} {:>8}{:>20}{:>13}{:>11}\n";
  std::string text = "Snapshot list:\n";
  text += fmt::format(columns, "ID", "TAG", "VM SIZE", "DATE", "VM CLOCK", "ICOUNT");
  for (const json& snapshot : snapshots) {
    const auto size = snapshot["vm-state-size"].get<std::uint64_t>();
    text += fmt::format(columns, plain(snapshot["id"]), plain(snapshot["name"]), human_size(size),
                        date_text(snapshot["date-sec"]),
                        clock_text(snapshot["vm-clock-sec"], snapshot["vm-clock-nsec"]),
                        snapshot.contains("icount") ? plain(snapshot["icount"]) : "");
  }
  return text;
}

double percent(const json& report, const char* part, const char* whole) {
  const double total = report.value(whole, 0.0);
  return total == 0 ? 0 : 100.0 * report.value(part, 0.0) / total;
}

}  // namespace

std::string human_size(std::uint64_t bytes) {
  static constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < std::size(units); ++unit) value /= 1024;
  return fmt::format("{:.3g} {}", value, units[unit]);
}

std::string formatting_text(const json& options) {
  std::string text =
      fmt::format("Formatting '{}', fmt={}", plain(options["file"]), plain(options["format"]));
  const std::uint64_t size = engine::parse_size_argument(plain(options["size"])).bytes;
  const bool qcow2 = options["format"] == "qcow2";
  if (qcow2) {
    const auto cluster = engine::parse_size_argument(options.value("cluster_size", "65536"));
    text += fmt::format(" cluster_size={} extended_l2=off compression_type=zlib", cluster.bytes);
  }
  text += fmt::format(" size={}", size);
  for (const char* key : {"backing_file", "backing_fmt", "compat"}) {
    if (options.contains(key)) text += fmt::format(" {}={}", key, plain(options[key]));
  }
  if (qcow2) text += " lazy_refcounts=off refcount_bits=" + options.value("refcount_bits", "16");
  return text + "\n";
}

std::string info_text(const json& info) {
  const std::uint64_t size = info["virtual-size"].get<std::uint64_t>();
  std::string text =
      fmt::format("image: {}\nfile format: {}\nvirtual size: {} ({} bytes)\n",
                  plain(info["filename"]), plain(info["format"]), human_size(size), size);
  if (info.contains("actual-size")) {
    text += "disk size: " + human_size(info["actual-size"].get<std::uint64_t>()) + "\n";
  }
  if (info.value("dirty-flag", false)) text += "cleanly shut down: no\n";
  if (info.contains("cluster-size")) {
    text += "cluster_size: " + plain(info["cluster-size"]) + "\n";
  }
  text += backing_text(info);
  if (info.contains("snapshots")) text += snapshots_text(info["snapshots"]);
  const json::json_pointer data("/format-specific/data");
  if (info.contains(data)) text += specific_text(info[data]);
  return text;
}

std::string check_text(const json& report, const json& findings) {
  std::string text;
  for (const json& finding : findings) text += plain(finding) + "\n";
  const std::uint64_t corruptions = report.value("corruptions", std::uint64_t{0});
  const std::uint64_t leaks = report.value("leaks", std::uint64_t{0});
  const std::uint64_t errors = report["check-errors"];
  if (corruptions == 0 && leaks == 0 && errors == 0) text += "No errors were found on the image.\n";
  if (corruptions > 0) {
    text += fmt::format(
        "\n{} errors were found on the image.\n"
        "Data may be corrupted, or further writes to the image may corrupt it.\n",
        corruptions);
  }
  if (leaks > 0) {
    text += fmt::format(
        "\n{} leaked clusters were found on the image.\n"
        "This means waste of disk space, but no harm to data.\n",
        leaks);
  }
  if (errors > 0) {
    text += fmt::format("\n{} internal errors have occurred during the check.\n", errors);
  }
  if (report.value("allocated-clusters", 0) > 0) {
    text +=
        fmt::format("{}/{} = {:.2f}% allocated, {:.2f}% fragmented, {:.2f}% compressed clusters\n",
                    plain(report["allocated-clusters"]), plain(report["total-clusters"]),
                    percent(report, "allocated-clusters", "total-clusters"),
                    percent(report, "fragmented-clusters", "allocated-clusters"),
                    percent(report, "compressed-clusters", "allocated-clusters"));
  }
  return text + fmt::format("Image end offset: {}\n", plain(report["image-end-offset"]));
}

}  // namespace sim::cli
