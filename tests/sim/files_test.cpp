// SPDX-License-Identifier: MIT
// Files that are not what they should be, disks that are full, and signals: nothing blocks, nothing
// is written elsewhere, nothing that was found is lost.
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "sim/fuzz/campaign.h"
#include "sim/fuzz/forked.h"
#include "sim/fuzz/summary.h"
#include "tests/catch.h"
#include "tests/shell.h"
#include "tests/temp_dir.h"
#include "tests/text.h"

// Names of others are in the same unity group.
namespace files_test {

namespace {

namespace fs = std::filesystem;
using tests::has;
using tests::shell;
using tests::ShellResult;

/// A project with one scenario and its golden.
class SmallProject {
 public:
  SmallProject() {
    fs::create_directory(root_ / "scenarios");
    fs::create_directory(root_ / "golden");
    std::ofstream(scenario()) << "# A story.\nprint \"hello\"\n";
  }
  std::string scenario() const { return root_ / "scenarios/a.scenario"; }
  std::string golden() const { return root_ / "golden/a.txt"; }
  std::string path(const std::string& name) const { return root_ / name; }
  /// What the program says; 124 if it does not come to an end.
  ShellResult run(const std::string& arguments, const std::string& before = "") const {
    return shell("cd '" + root_.path().string() + "'; " + before +
                 " BLOCKTWIN_ROOT=. timeout 20 '" + BLOCKTWIN + "' " + arguments);
  }

 private:
  tests::TempDir root_;
};

void make_pipe(const std::string& path) { REQUIRE(mkfifo(path.c_str(), 0600) == 0); }

void refuses(const ShellResult& result, const std::string& message) {
  INFO(result.out);
  CHECK(result.status == 2);
  CHECK(has(result.out, message));
}

/// Runs `command` for ever longer until a signal meets it in the middle, which `met` sees.
ShellResult interrupted(const std::string& signal, const std::string& command,
                        const std::string& met) {
  ShellResult result;
  for (double seconds = 0.1; seconds < 60; seconds *= 1.5) {
    result = shell("BLOCKTWIN_ROOT='" + std::string(SOURCE_DIR) +
                   "' timeout --foreground --preserve-status -s " + signal + " -k 20 " +
                   std::to_string(seconds) + " '" + BLOCKTWIN + "' " + command);
    if (has(result.out, met)) break;
  }
  INFO(result.out);
  CHECK(has(result.out, met));
  return result;
}

}  // namespace

TEST_CASE("blessing does not write through a symbolic link") {
  const SmallProject project;
  std::ofstream(project.path("other")) << "precious\n";
  fs::create_symlink(project.path("other"), project.golden());
  refuses(project.run("replay --subject model --bless"),
          "golden/a.txt: cannot be written: it is a symbolic link");
  CHECK(tests::text_of(project.path("other")) == "precious\n");
  fs::remove(project.golden());
  fs::create_symlink(project.path("nowhere"), project.golden());
  refuses(project.run("replay --subject model --bless"), "it is a symbolic link");
  CHECK_FALSE(fs::exists(project.path("nowhere")));
}

TEST_CASE("a pipe in place of a golden, a scenario or a kept failure is refused at once") {
  const SmallProject project;
  make_pipe(project.golden());
  refuses(project.run("replay --subject model"),
          "golden/a.txt: cannot be read: it is no regular file");
  make_pipe(project.path("p.scenario"));
  refuses(project.run("replay --subject model p.scenario"),
          "p.scenario: cannot be read: it is no regular file");
  fs::create_directory(project.path("out"));
  make_pipe(project.path("out/p.scenario"));
  refuses(project.run("fuzz --runs 1 --out out"), "cannot be read: it is no regular file");
}

TEST_CASE("a file over the limit is an error that is told, and leaves nothing half done") {
  const SmallProject project;
  refuses(project.run("img create -f qcow2 x.qcow2 1M", "ulimit -f 100;"), "x.qcow2");
  CHECK_FALSE(fs::exists(project.path("x.qcow2")));
  refuses(project.run("img create -f qcow2 x.qcow2 1Z", "touch x.qcow2;"), "Invalid image size");
  CHECK(fs::exists(project.path("x.qcow2")));
  std::ofstream(project.golden()) << "old\n";
  refuses(project.run("replay --subject model --bless", "ulimit -f 0;"),
          "golden/a.txt: cannot be written: File too large");
  CHECK(tests::text_of(project.golden()) == "old\n");
}

TEST_CASE("a failure that cannot be written is told with all its lines") {
  const tests::TempDir directory;
  sim::fuzz::Campaign campaign;
  campaign.runs = 1;
  campaign.steps = 5;
  campaign.profile = sim::fuzz::find_profile("bitmaps");
  campaign.cast.subjects = {"model"};
  campaign.out = directory / "out";
  campaign.attempt = [](const sim::fuzz::Program& program, const std::string&, const sim::Cast&,
                        sim::Workspace*) -> std::optional<sim::fuzz::Failure> {
    if (program.empty()) return std::nullopt;
    return sim::fuzz::Failure{program.size(), "planted", "  planted\n"};
  };
  sim::fuzz::Forked forked([&](const sim::fuzz::Tell& tell) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit none{0, 0};
    setrlimit(RLIMIT_FSIZE, &none);
    tell(summary_of(campaign, carry_out(campaign, nullptr)));
  });
  const std::vector<nlohmann::json> told = forked.listen();
  REQUIRE(told.size() == 1);
  const nlohmann::json& failure = told[0]["failures"].at(0);
  CHECK(has(failure["file"], "cannot be written: File too large"));
  CHECK(failure["program"].size() >= 1);
  CHECK(fs::is_empty(directory / "out"));
}

TEST_CASE("an interrupted replay tells what was done, and ends with the signal's status") {
  const ShellResult result =
      interrupted("INT", "replay --subject model,engine --jobs 1", "broken off: ");
  CHECK(result.status == 130);
  CHECK(has(result.out, "blocktwin: interrupted by signal 2\n"));
  CHECK(has(result.out, "bitmaps/"));
}

TEST_CASE("an interrupted sweep ends at once, with its table") {
  for (const auto& [signal, status] : {std::pair("INT", 130), {"TERM", 143}, {"HUP", 129}}) {
    INFO(signal);
    const std::string commits = std::string("sweep '") + SOURCE_DIR + "/scenarios/commit'";
    const ShellResult result = interrupted(signal, commits, "interrupted; ");
    CHECK(result.status == status);
    CHECK(has(result.out, "crash states, 0 wrong"));
  }
}

TEST_CASE("the time of a campaign is a limit, making failures short included") {
  const tests::TempDir directory;
  sim::fuzz::Campaign campaign;
  campaign.time = std::chrono::seconds(2);
  campaign.runs = 1'000'000;
  campaign.profile = sim::fuzz::find_profile("bitmaps");
  campaign.cast.subjects = {"model"};
  campaign.out = directory / "out";
  campaign.trials = 1'000'000;
  campaign.attempt = [](const sim::fuzz::Program& program, const std::string&, const sim::Cast&,
                        sim::Workspace*) -> std::optional<sim::fuzz::Failure> {
    usleep(200'000);
    return sim::fuzz::Failure{program.size(), "planted", "  planted\n"};
  };
  const auto start = std::chrono::steady_clock::now();
  const sim::fuzz::Outcome outcome = carry_out(campaign, nullptr);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(6));
  CHECK(outcome.found.size() == 1);
  CHECK_FALSE(outcome.interrupted);
}

TEST_CASE("bench makes the directory that it is told") {
  const SmallProject project;
  const ShellResult result = project.run("bench --dir made/here nonsense");
  CHECK(has(result.out, "there is no 'nonsense'"));
  CHECK(fs::is_directory(project.path("made/here")));
}

}  // namespace files_test
