// SPDX-License-Identifier: MIT
// The command line: what a user sees, and how it ends.
#include <fstream>
#include <sstream>

#include "tests/catch.h"
#include "tests/shell.h"
#include "tests/temp_dir.h"
#include "tests/text.h"

namespace {

using tests::has;
using tests::shell;
using tests::ShellResult;
using tests::TempDir;

const std::string program = std::string("BLOCKTWIN_ROOT='") + SOURCE_DIR + "' '" + BLOCKTWIN + "' ";
const std::string testcases = std::string(SOURCE_DIR) + "/scenarios/testcases";
const std::string snapshot_commit = testcases + "/snapshot-commit.scenario";

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

/// Usage and malformed input: one line that says what is wrong, and status 2.
void is_refused(const std::string& arguments, const std::string& message, int status = 2) {
  const ShellResult result = shell(program + arguments);
  INFO(arguments);
  INFO(result.out);
  CHECK(result.status == status);
  CHECK(has(result.out, message));
  CHECK(lines(result.out) == 1);
}

}  // namespace

TEST_CASE("the documented testcases give the documented transcript") {
  const std::string golden =
      read_file(std::string(SOURCE_DIR) + "/golden/testcases/snapshot-commit.txt");
  REQUIRE(lines(golden) == 52);
  for (const char* cast :
       {"--subject model", "--subject engine", "--subject engine --storage files"}) {
    INFO(cast);
    const ShellResult result = shell(program + "transcript " + snapshot_commit + " " + cast);
    CHECK(result.status == 0);
    CHECK(result.out == golden);
  }
}

TEST_CASE("a replay sums up who passed") {
  const ShellResult result =
      shell(program + "replay --subject model,engine " + testcases + " --jobs 2");
  INFO(result.out);
  CHECK(result.status == 0);
  CHECK(has(result.out, "  non-persistent without restart  passed    passed\n"));
  CHECK(has(result.out, "  persistent without restart      passed    passed\n"));
  CHECK(has(result.out, "  persistent with restart         passed    passed\n"));
  CHECK(has(result.out, "1 scenario, 3 testcases: all agree\n"));
}

TEST_CASE("verbose prints the transcript, --dir keeps the images") {
  const TempDir directory;
  const ShellResult result = shell(program + "replay --subject model,engine " + snapshot_commit +
                                   " --verbose --storage files --dir " + directory / "new/images");
  INFO(result.out);
  CHECK(result.status == 0);
  CHECK(has(result.out, "\nTestcase persistent with restart\n\n{\"execute\""));
  const std::string place =
      directory / "new/images/engine/testcases/snapshot-commit/persistent-with-restart";
  CHECK(std::filesystem::exists(place + "/PID-base"));
  CHECK(std::filesystem::exists(place + "/PID-top"));
}

TEST_CASE("bless writes goldens and a replay then agrees with them") {
  const TempDir root;
  std::filesystem::create_directories(root.path() / "scenarios/deep");
  write_file(root / "scenarios/deep/one.scenario", "query-block\nprint \"hello\"\n");
  const std::string run =
      "BLOCKTWIN_ROOT='" + root.path().string() + "' '" + BLOCKTWIN + "' replay --subject model";
  const ShellResult missing = shell(run);
  INFO(missing.out);
  CHECK(missing.status == 1);
  CHECK(has(missing.out, "golden/deep/one.txt: is missing"));
  CHECK(shell(run + " --bless").status == 0);
  CHECK(read_file(root / "golden/deep/one.txt") ==
        "\nTestcase one\n\n{\"execute\": \"query-block\"}\n{\"return\": []}\nhello\n");
  CHECK(shell(run).status == 0);
}

TEST_CASE("a malformed script is one line with its place, and status 2") {
  const TempDir directory;
  const std::string script = directory / "bad.scenario";
  write_file(script, "# story\nfrobnicate drive0\n");
  is_refused("replay " + script, script + ":2: expected a step");
  is_refused("transcript " + script, script + ":2: expected a step");
  write_file(script, "create TEST_DIR/PID-x 1M bogus=1\n");
  is_refused("replay " + script, script + ":1: expected an option");
  is_refused("replay " + testcases + " " + script, script + ":1: expected an option");
  write_file(script, std::string("\x7f"
                                 "ELF\0\0",
                                 6));
  is_refused("replay " + script, script + ": expected a script, found binary data");
}

TEST_CASE("usage errors are one line and status 2") {
  const TempDir directory;
  is_refused("replay /nowhere/at/all", "/nowhere/at/all: No such file or directory");
  is_refused("replay " + directory.path().string(), "holds no *.scenario");
  is_refused("transcript " + directory.path().string(), "found a directory");
  is_refused("transcript /nowhere.scenario", "/nowhere.scenario: cannot be read: No such file");
  is_refused("replay --subject nobody", "--subject: 'nobody' is none of model, engine, qemu");
  is_refused("replay --subject model,model", "'model' twice");
  is_refused("replay --storage tape", "--storage");
  is_refused("replay --jobs 0", "--jobs");
  is_refused("replay --bogus", "--bogus");
  is_refused("frobnicate", "there is no command 'frobnicate'");
  is_refused("", "subcommand");
  is_refused("replay " + testcases + " --storage files --dir /dev/null/x", "/dev/null/x");
}

TEST_CASE("a QEMU that cannot be started is told") {
  is_refused("replay " + snapshot_commit + " --subject model,qemu --qemu /nowhere/qemu",
             "/nowhere/qemu: cannot be started: No such file or directory");
}

TEST_CASE("a QEMU that dies is told with its last words") {
  const TempDir directory;
  const std::string fake = directory / "fake-qemu";
  write_file(fake, "#!/bin/sh\necho 'no such machine' >&2\nexit 3\n");
  std::filesystem::permissions(fake, std::filesystem::perms::owner_all);
  is_refused("replay " + snapshot_commit + " --subject model,qemu --qemu " + fake,
             "(exited with status 3; its last words: no such machine)");
}

TEST_CASE("an interrupted replay leaves nothing behind") {
  const TempDir directory;
  const std::string command = "TMPDIR=" + directory.path().string() +
                              " timeout --foreground -s INT 0.3 env " + program +
                              "replay --subject model,engine --storage files";
  shell(command);
  CHECK(std::filesystem::is_empty(directory.path()));
}

TEST_CASE("help is everywhere") {
  for (const char* command : {"", "replay", "transcript", "rules", "export", "modelled", "img",
                              "img create", "img info", "bench"}) {
    const ShellResult result = shell(program + command + " --help");
    INFO(command);
    CHECK(result.status == 0);
    CHECK(has(result.out, "Usage: "));
  }
}

TEST_CASE("img makes images and looks at them in qemu-img's words") {
  const TempDir directory;
  const std::string base = directory / "base.qcow2", top = directory / "top.qcow2";
  CHECK(shell(program + "img create -f qcow2 -o cluster_size=4096 " + base + " 1M").out ==
        "Formatting '" + base +
            "', fmt=qcow2 cluster_size=4096 extended_l2=off "
            "compression_type=zlib size=1048576 lazy_refcounts=off refcount_bits=16\n");
  CHECK(
      shell(program + "img create -q -f qcow2 -b base.qcow2 -F qcow2 " + top + " 2M").out.empty());
  const std::string info = shell(program + "img info " + top).out;
  INFO(info);
  CHECK(has(info, "virtual size: 2 MiB (2097152 bytes)\n"));
  CHECK(has(info, "backing file: base.qcow2 (actual path: " + base + ")\n"));
  CHECK(has(info, "    refcount bits: 16\n"));
  CHECK(has(shell(program + "img info --output json " + base).out, "\"cluster-size\": 4096"));
  const ShellResult check = shell(program + "img check " + base);
  CHECK(check.status == 0);
  CHECK(has(check.out, "No errors were found on the image.\n"));
}

TEST_CASE("img refuses what is no image in one line") {
  const TempDir directory;
  const std::string text = directory / "text";
  write_file(text, "hello\n");
  is_refused("img info " + directory / "none", "No such file or directory");
  is_refused("img info " + directory.path().string(), "to be a regular file");
  is_refused("img info -f qcow2 " + text, "Image is not in qcow2 format");
  is_refused("img check " + text, "This image format does not support checks", 63);
  is_refused("img check -f qcow2 " + text, "Image is not in qcow2 format", 1);
  is_refused("img create -f qcow2 " + directory / "x" + " 1Z", "Invalid image size specified");
  is_refused("img create -f qcow2 -o bogus=1 " + directory / "x" + " 1M", "bogus");
  is_refused("img create -f qcow2 -o cluster_size=1000 " + directory / "x" + " 1M",
             "Cluster size must be a power of two between 512 and 2048k");
}

TEST_CASE("img create that is refused leaves the image that is there") {
  const TempDir directory;
  const std::string image = directory / "image", text = directory / "text";
  write_file(text, "hello\n");
  shell(program + "img create -f qcow2 " + image + " 1M");
  const std::string before = read_file(image);
  REQUIRE_FALSE(before.empty());
  const std::pair<const char*, const char*> refused[] = {
      {"-o cluster_size=3 IMAGE 1M", "Cluster size"},
      {"-o refcount_bits=3 IMAGE 1M", "Refcount width"},
      {"-o compat=0.10,refcount_bits=8 IMAGE 1M", "Different refcount widths"},
      {"IMAGE 7E", "The image size is too large"},
      {"IMAGE 1.3", "Invalid image size"},
      {"IMAGE 1e6", "Invalid image size"},
      {"-o size=2M IMAGE 1M", "must be specified only once"},
      {"-F qcow2 IMAGE 1M", "Backing format cannot be used without backing file"},
      {"-b '' -F qcow2 IMAGE 1M", "Expected backing file name"},
      {"-b text -F bogus IMAGE 1M", "Unknown driver 'bogus'"},
      {"-b text -F qcow2 IMAGE 1M", "Image is not in qcow2 format"},
  };
  for (const auto& [arguments, message] : refused) {
    std::string line = arguments;
    is_refused("img create -f qcow2 " + line.replace(line.find("IMAGE"), 5, image), message);
    CHECK(read_file(image) == before);
  }
}

TEST_CASE("img create takes its size from the backing file if none is given") {
  const TempDir directory;
  shell(program + "img create -f qcow2 " + directory / "base" + " 3M");
  const std::string top = directory / "top";
  CHECK(shell(program + "img create -q -f qcow2 -b base -F qcow2 " + top).status == 0);
  CHECK(has(shell(program + "img info --output json " + top).out, "\"virtual-size\": 3145728"));
}

TEST_CASE("output that cannot be written is told") {
  for (const char* command : {"rules", "--help", "replay --subject model "}) {
    CAPTURE(command);
    const std::string scenario = has(command, "replay") ? snapshot_commit : "";
    const ShellResult result = shell(program + command + scenario + " > /dev/full");
    CHECK(result.status == 2);
    CHECK(has(result.out, "standard output cannot be written"));
  }
}

TEST_CASE("where findings go is looked at before anything is done") {
  const TempDir directory;
  write_file(directory / "file", "");
  for (const char* command : {"fuzz --runs 1 --out ", "sweep --out "}) {
    for (const std::string& out : {directory / "file", directory / "file" + "/below"}) {
      is_refused(command + out, out + ": nothing can be written there");
    }
    is_refused(std::string(command) + "/proc/x", "/proc/x: nothing can be written there");
  }
}

TEST_CASE("numbers are not wrapped around") {
  for (const char* number : {"-1", "99999999999999999999", "1.5", "x", "''"}) {
    CAPTURE(number);
    is_refused(std::string("fuzz --runs ") + number, "--runs");
    is_refused(std::string("fuzz --seed ") + number, "--seed");
    is_refused(std::string("sweep --seed ") + number, "--seed");
  }
  is_refused("fuzz --time ''", "--time");
}

TEST_CASE("two runs of a scenario are equal to the byte") {
  const std::string command = program + "transcript " + snapshot_commit + " --subject engine";
  CHECK(shell(command).out == shell(command).out);
}
