// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/io/file_host.h"
#include "engine/io/file_loop.h"
#include "engine/io/sync.h"
#include "engine/qmp/monitor.h"
#include "sim/bench/contests.h"
#include "sim/qemu_process.h"
#include "sim/subject.h"

namespace sim::bench {
namespace {

using nlohmann::json;

json plug(const std::string& file) {
  const std::string options = "drive_add 0 if=none,id=drive0,format=qcow2,file=" + file;
  return {{"execute", "human-monitor-command"}, {"arguments", {{"command-line", options}}}};
}
json on_drive(const std::string& command) {
  return {{"execute", command}, {"arguments", {{"device", "drive0"}}}};
}

/// Our monitor on real files, and the events that it has sent.
class OurProcess {
 public:
  OurProcess()
      : happened_(loop_),
        monitor_(loop_, host_, {[this](const json& event) { note(event); }, [](const auto&) {}}) {}

  void execute(json request) { loop_.run(executed(std::move(request))); }
  void await(const std::string& event) { loop_.run(seen(event)); }

 private:
  engine::io::Task<void> executed(json request) {
    const json reply = co_await monitor_.execute(std::move(request));
    if (reply.contains("error")) throw SubjectFailure(reply.dump());
  }
  engine::io::Task<void> seen(std::string event) {
    while (last_event_ != event) co_await happened_.wait();
  }
  void note(const json& event) {
    if (event.at("event") == "JOB_STATUS_CHANGE") return;
    last_event_ = event.at("event").get<std::string>();
    happened_.wake_all();
  }

  engine::io::FileLoop loop_;
  engine::io::FileHost host_;
  engine::io::WaitQueue happened_;
  std::string last_event_;
  engine::qmp::Monitor monitor_;
};

double our_seconds(const std::string& overlay) {
  OurProcess process;
  process.execute({{"execute", "qmp_capabilities"}});
  process.execute(plug(overlay));
  const double seconds = seconds_of([&] {
    process.execute(on_drive("block-commit"));
    process.await("BLOCK_JOB_READY");
    process.execute(on_drive("block-job-complete"));
    process.await("BLOCK_JOB_COMPLETED");
  });
  process.execute({{"execute", "quit"}});
  return seconds;
}

void qemu_execute(QemuProcess& process, const json& request) {
  const json reply = process.execute(request);
  if (reply.contains("error")) throw SubjectFailure(reply.dump());
}
void qemu_await(QemuProcess& process, const std::string& event) {
  constexpr std::chrono::minutes patience{10};
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!process.take_event(event)) {
    if (!process.wait_for_event(deadline)) throw SubjectFailure("no " + event + " came");
  }
}

double qemu_seconds(const std::string& program, const std::string& overlay) {
  QemuProcess process(QmpProgram::qemu(program, QmpProgram::usual_limit));
  process.meet();
  qemu_execute(process, plug(overlay));
  const double seconds = seconds_of([&] {
    qemu_execute(process, on_drive("block-commit"));
    qemu_await(process, "BLOCK_JOB_READY");
    qemu_execute(process, on_drive("block-job-complete"));
    qemu_await(process, "BLOCK_JOB_COMPLETED");
  });
  qemu_execute(process, {{"execute", "quit"}});
  process.wait_for_end();
  return seconds;
}

}  // namespace

Contest commit_contest(const Setting& setting) {
  const std::string base = setting.workspace / "commit-base.qcow2";
  const std::string overlay = setting.workspace / "commit-overlay.qcow2";
  auto made = std::make_shared<bool>(false);
  auto prepare = [=] {
    make_empty_image(base, disk_size);
    if (!std::exchange(*made, true)) make_overlay(overlay, base, true, disk_size);
  };
  return {"commit-1g",
          "active commit of 1 GiB",
          "commit",
          1,
          1,
          [=] {
            prepare();
            return our_seconds(overlay);
          },
          [=, qemu = setting.qemu] {
            prepare();
            return qemu_seconds(qemu, overlay);
          }};
}

}  // namespace sim::bench
