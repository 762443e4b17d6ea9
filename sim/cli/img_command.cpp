// SPDX-License-Identifier: MIT
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <tuple>

#include "engine/error.h"
#include "engine/io/checked_storage.h"
#include "engine/io/file_host.h"
#include "engine/io/file_loop.h"
#include "engine/qcow2/info.h"
#include "sim/cli/cli.h"
#include "sim/cli/img_text.h"
#include "sim/images.h"
#include "sim/usage_error.h"

namespace sim::cli {

using nlohmann::json;

namespace {

struct ImgArguments {
  std::string file, size, bitmap, format, options, backing_format;
  std::optional<std::string> backing_file;
  std::string output = "human";
  bool quiet = false;
  bool in_use = false;

  engine::io::Locking locking(engine::io::Locking while_in_use) const {
    return in_use ? while_in_use : engine::io::Locking::on;
  }
};

/// `key=value,key=value` with qemu-img's keys, added to the options of images::create.
void add_format_options(const std::string& text, json& options) {
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    const std::size_t equals = part.find('=');
    const std::string key = part.substr(0, equals);
    const std::string value = equals == std::string::npos ? "on" : part.substr(equals + 1);
    if (key != "cluster_size" && key != "compat" && key != "refcount_bits" && key != "size" &&
        key != "backing_file" && key != "backing_fmt") {
      throw UsageError("Unknown option '" + key + "'");
    }
    options[key] = value;
  }
}

json create_options(const ImgArguments& arguments) {
  json options{{"file", arguments.file}};
  options["format"] = arguments.format.empty() ? "raw" : arguments.format;
  add_format_options(arguments.options, options);
  if (!arguments.size.empty() && options.contains("size")) {
    throw UsageError("The image size must be specified only once");
  }
  if (!arguments.size.empty()) options["size"] = arguments.size;
  if (arguments.backing_file) options["backing_file"] = *arguments.backing_file;
  if (!arguments.backing_format.empty()) options["backing_fmt"] = arguments.backing_format;
  const bool backed = options.contains("backing_file");
  if (backed && options["backing_file"] == "") {
    throw UsageError("Expected backing file name, got empty string");
  }
  if (!backed && options.contains("backing_fmt")) {
    throw UsageError("Backing format cannot be used without backing file");
  }
  if (!backed && !options.contains("size")) {
    throw UsageError("Image creation needs a size parameter");
  }
  return options;
}

/// A new image is as large as its backing file if no size is given; either way that must be an
/// image of the format that is said.
void take_size_of_backing(engine::io::FileLoop& loop, engine::io::Host& host, json& options) {
  if (!options.contains("backing_fmt")) return;  // refused later
  const std::string format = options["backing_fmt"];
  if (format != "qcow2" && format != "raw") {
    throw UsageError("Unknown driver '" + format + "'. Could not open backing image.");
  }
  const std::string backing = images::resolve(options["file"], options["backing_file"]);
  const json info =
      loop.run(engine::qcow2::image_info(loop, host, {backing, format, engine::io::Locking::off}));
  if (!options.contains("size"))
    options["size"] = std::to_string(info["virtual-size"].get<std::uint64_t>());
}

/// A refusal on one line, with the file's name.
std::string refusal_text(const std::string& file, const engine::Refusal& refusal) {
  std::string text = refusal.what();
  if (text.find(file) == std::string::npos) text = "'" + file + "': " + text;
  return refusal.hint().empty() ? text : text + ". " + refusal.hint();
}

/// How `img check` ends, as qemu-img check does: 0 where nothing is wrong.
enum CheckStatus { not_checked = 1, has_corruptions = 2, has_leaks = 3, cannot_be_checked = 63 };

/// Does `work` with a loop and a host; a refusal is one line and status 2.
template <class Work>
void on_files(const std::string& file, const Work& work) {
  engine::io::FileLoop loop;
  engine::io::FileHost files;
  engine::io::CheckedHost host(files);
  try {
    work(loop, host);
  } catch (const engine::Refusal& refusal) {
    throw UsageError(refusal_text(file, refusal));
  }
}

/// What could not be written whole (a full disk) is no image, and goes; a refusal that came before
/// the file was touched leaves it.
void make_or_remove(engine::io::FileLoop& loop, engine::io::Host& host, const json& options) {
  const std::string file = options["file"];
  const auto stamp = [&] {
    struct stat status {};
    const bool there = ::lstat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode);
    return there ? std::optional(std::tuple(status.st_ino, status.st_mtim.tv_sec,
                                            status.st_mtim.tv_nsec, status.st_size))
                 : std::nullopt;
  };
  const auto before = stamp();
  try {
    loop.run(images::create(loop, host, options));
  } catch (const engine::Refusal&) {
    const auto after = stamp();
    if (after && after != before) ::unlink(file.c_str());
    throw;
  }
}

void create(const ImgArguments& arguments) {
  json options = create_options(arguments);
  on_files(arguments.file, [&](engine::io::FileLoop& loop, engine::io::Host& host) {
    if (options.contains("backing_file")) take_size_of_backing(loop, host, options);
    make_or_remove(loop, host, options);
  });
  if (!arguments.quiet) std::cout << formatting_text(options);
}

/// Names in an image and of files may be any bytes: what is not UTF-8 becomes U+FFFD, as in QEMU.
std::string json_lines(const json& value) {
  return value.dump(4, ' ', false, json::error_handler_t::replace) + "\n";
}

void info(const ImgArguments& arguments) {
  json info;
  on_files(arguments.file, [&](engine::io::FileLoop& loop, engine::io::Host& host) {
    const engine::qcow2::InfoRequest request{arguments.file, arguments.format,
                                             arguments.locking(engine::io::Locking::off)};
    info = loop.run(engine::qcow2::image_info(loop, host, request));
  });
  std::cout << (arguments.output == "json" ? json_lines(info) : info_text(info));
}

json check_report(const ImgArguments& arguments) {
  const engine::qcow2::InfoRequest image{arguments.file, arguments.format,
                                         arguments.locking(engine::io::Locking::shared)};
  json report;
  on_files(arguments.file, [&](engine::io::FileLoop& loop, engine::io::Host& host) {
    report = loop.run(images::check(loop, host, image));
  });
  return report;
}

int check_file(const ImgArguments& arguments) {
  json report = check_report(arguments);
  const json findings = report["findings"];
  report.erase("findings");
  if (arguments.output == "json") {
    std::cout << json_lines(report);
  } else if (!arguments.quiet) {
    std::cout << check_text(report, findings);
  }
  if (report["check-errors"] != 0) return not_checked;
  if (report.contains("corruptions")) return has_corruptions;
  return report.contains("leaks") ? has_leaks : 0;
}

int check(const ImgArguments& arguments) {
  try {
    return check_file(arguments);
  } catch (const UsageError& refused) {
    std::cerr << "blocktwin: " << refused.what() << std::endl;
    const std::string text = refused.what();
    return text.ends_with(images::no_checks) ? cannot_be_checked : not_checked;
  }
}

void dirty(const ImgArguments& arguments) {
  json runs;
  on_files(arguments.file, [&](engine::io::FileLoop& loop, engine::io::Host& host) {
    runs = loop.run(images::dirty(loop, host, arguments.file, arguments.bitmap));
  });
  if (arguments.output == "json") {
    std::cout << json_lines({{"ranges", runs}});
    return;
  }
  for (const json& run : runs) std::cout << run[0] << "+" << run[1] << "\n";
}

void add_common(CLI::App& command, ImgArguments& arguments) {
  command.add_option("-f", arguments.format, "the image format: qcow2 or raw")->type_name("FMT");
  command.add_flag("-q,--quiet", arguments.quiet, "print errors only");
  command.add_flag("-U,--force-share", arguments.in_use, "look at an image that is in use");
}

void add_output(CLI::App& command, ImgArguments& arguments) {
  command.add_option("--output", arguments.output, "human or json")
      ->check(CLI::IsMember({"human", "json"}))
      ->capture_default_str();
}

}  // namespace

void add_img(CLI::App& program, int& status) {
  const auto arguments = std::make_shared<ImgArguments>();
  CLI::App* img = program.add_subcommand("img", "make and look at images, with qemu-img's options");
  img->require_subcommand(1);
  CLI::App* creator = img->add_subcommand("create", "make an image");
  add_common(*creator, *arguments);
  creator->add_option("-o", arguments->options, "cluster_size=, compat=, refcount_bits=, …");
  creator->add_option("-b", arguments->backing_file, "the backing file")->type_name("FILE");
  creator->add_option("-F", arguments->backing_format, "its format")->type_name("FMT");
  creator->add_option("FILE", arguments->file)->required();
  creator->add_option("SIZE", arguments->size, "in bytes, or with k, M, G, T, P, E");
  creator->callback([arguments] { create(*arguments); });
  CLI::App* informer = img->add_subcommand("info", "tell what an image is");
  add_common(*informer, *arguments);
  add_output(*informer, *arguments);
  informer->add_option("FILE", arguments->file)->required();
  informer->callback([arguments] { info(*arguments); });
  CLI::App* checker = img->add_subcommand(
      "check", "check an image's metadata; status 2: corruptions, 3: leaks, 1: not to be checked");
  add_common(*checker, *arguments);
  add_output(*checker, *arguments);
  checker->add_option("FILE", arguments->file)->required();
  checker->callback([arguments, &status] { status = check(*arguments); });
  CLI::App* teller = img->add_subcommand("dirty", "tell what a stored bitmap says is dirty");
  add_output(*teller, *arguments);
  teller->add_option("FILE", arguments->file)->required();
  teller->add_option("BITMAP", arguments->bitmap)->required();
  teller->callback([arguments] { dirty(*arguments); });
}

}  // namespace sim::cli
