// SPDX-License-Identifier: MIT
#include <algorithm>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <type_traits>
#include <utility>

#include "sim/allowed.h"
#include "sim/damage.h"
#include "sim/foreign/keepsakes.h"
#include "sim/foreign/layout.h"
#include "sim/hmp.h"
#include "sim/names.h"
#include "sim/profile/profile.h"
#include "sim/qemu_contents.h"
#include "sim/qemu_img.h"
#include "sim/qemu_nodes.h"
#include "sim/qemu_process.h"
#include "sim/qemu_supply.h"
#include "sim/subjects.h"

namespace sim {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

/// Whether a job of that status goes on by another command only, whatever it was told before. What
/// ends a pending job has done so when it answers.
bool is_at_rest(const std::string& status) {
  return status == "paused" || status == "standby" || status == "pending" || status == "concluded";
}

/// A real QEMU, or what takes its place, driven over QMP; started when first needed.
class QemuSubject : public Subject {
 public:
  QemuSubject(QmpProgram program, const std::string& directory, QemuSupply* supply)
      : program_(std::move(program)),
        supply_(supply),
        images_(program_.qemu_img(), program_.limit),
        names_(directory) {}

  /// A program that is not ours goes on, and the next testcase wants a fresh one.
  ~QemuSubject() override {
    if (!process_ || program_.started_by_us()) return;
    try {
      guarded([this] { quit(); });
    } catch (const std::exception&) {
      // The next one who meets it tells.
    }
  }

  std::string_view name() const override { return program_.name; }
  const Profile* profile() const override { return &profile_; }

  void come_to(Rest rest) override {
    if (!process_ || rest == Rest::none) return;
    guarded([&] {
      if (rest == Rest::jobs_and_requests) finish_requests();
      settle_jobs();
    });
  }

  json execute(const json& request) override {
    return guarded([&] {
      json reply = process().execute(names_.to_real(request));
      if (reply.contains("return") && request.contains("execute")) {
        const std::string command = request.at("execute");
        note_told(command, request);
        if (command.ends_with("-pause")) await_pauses();
        if (command == "quit") end();
      }
      return names_.to_script(std::move(reply));
    });
  }

  std::optional<json> await_event(const std::string& event) override {
    return guarded([&] { return next_event(event); });
  }

  std::string guest_io(const std::string& node, const std::string& command) override {
    return guarded([&] {
      process().forget_printed();
      if (command.starts_with("aio_")) asynchronous_.insert(node);
      const std::string answer = human(hmp::io_line(node, names_.to_real(command)));
      const std::string printed =
          process().take_console() + hmp::io_complaints(process().take_errors());
      last_request_ = steady_clock::now();
      const std::string trouble = hmp::io_trouble(answer, printed);
      if (trouble.starts_with("{\"$")) throw SubjectFailure("qemu-io prints " + trouble);
      return names_.to_script(trouble);
    });
  }

  /// QEMU prints how a request went on its standard output, and only a child's is ours.
  bool sees_guest_io() const override { return program_.started_by_us(); }

  json create_image(const json& options) override {
    return guarded([&] { return names_.to_script(images_.create(names_.to_real(options))); });
  }
  json add_drive(const json& options) override {
    return drive_command(hmp::drive_line(names_.to_real(options)));
  }
  json delete_drive(const std::string& id) override { return drive_command("drive_del " + id); }
  void run(unsigned) override {}

  void stop(Stop how) override {
    if (!process_) return;
    guarded([&] { how == Stop::clean ? quit() : kill(); });
  }

  void expect_faults() override {
    if (program_.started_by_us() && CallSupervisor::available()) faults_.emplace();
  }
  void fail_storage(const std::string& file, const std::optional<StorageFault>& fault) override;
  /// Of the files that scenarios make: a program reads others, too.
  void fail_operation(unsigned number, int error) override {
    const std::filesystem::path directory = names_.to_real(std::string("TEST_DIR"));
    table().set_nth(number, error, std::filesystem::weakly_canonical(directory).string() + "/");
  }
  json damage_image(const std::string& file, const std::string& what) override {
    if (damage_file(names_.to_real(file), what)) return {{"return", json::object()}};
    return {{"error", {{"class", "GenericError"}, {"desc", nothing_to_damage(what)}}}};
  }
  json find_image(const std::string& file, const foreign::Image& image) override {
    foreign::Image real = image;
    real.backing_file = names_.to_real(image.backing_file);
    if (foreign::make_file(names_.to_real(file), real)) return {{"return", json::object()}};
    return {{"error", {{"class", "GenericError"}, {"desc", foreign::there_already}}}};
  }
  json image_info(const std::string& file) override {
    return guarded([&] { return names_.to_script(images_.info(names_.to_real(file))); });
  }
  json image_check(const std::string& file) override {
    return guarded([&] { return names_.to_script(images_.check(names_.to_real(file))); });
  }
  json keepsakes(const std::string& file) override {
    return foreign::keepsakes_in_file(names_.to_real(file));
  }
  json dirty_ranges(const std::string& node, const std::string& bitmap) override {
    return only_looking(
        [&] { return guarded([&] { return hashed_bits(process(), node, bitmap); }); });
  }
  json dirty_runs(const std::string& node, const std::string& bitmap) override {
    return only_looking(
        [&] { return guarded([&] { return bits_by_run(process(), node, bitmap); }); });
  }
  json contents(const std::string& node) override {
    return only_looking([&] { return guarded([&] { return all_bytes(node); }); });
  }

 private:
  /// Of its faults. Throws CannotFollow where there can be none.
  FaultTable& table() {
    if (!program_.started_by_us()) throw CannotFollow("its storage is not ours to break");
    if (!faults_) throw CannotFollow("this kernel cannot fail the system calls of a program");
    return *faults_;
  }

  /// All that is asked of a process in one operation has the limit once.
  QemuProcess& process() {
    if (!process_) {
      process_ = fresh_process();
      profile_ = profile_of(process_->version());
      deadline_ = steady_clock::now() + program_.limit;
    }
    process_->hurry(deadline_);
    return *process_;
  }

  /// Those that wait ready are not supervised.
  std::unique_ptr<QemuProcess> fresh_process() {
    if (supply_ != nullptr && !faults_) return supply_->take();
    auto process = std::make_unique<QemuProcess>(program_, faults_ ? &*faults_ : nullptr);
    process->meet();
    return process;
  }

  /// An operation. A process that broke in it is gone, and what is told of it has the script's
  /// names.
  template <class Work>
  std::invoke_result_t<Work> guarded(const Work& work) {
    deadline_ = steady_clock::now() + program_.limit;
    try {
      return work();
    } catch (const CannotFollow&) {
      throw;
    } catch (const SubjectCrash& crash) {
      forget();
      throw SubjectCrash(names_.to_script(std::string(crash.what())), crash.end(),
                         names_.to_script(crash.command()));
    } catch (const SubjectHang& hang) {
      forget();
      ++program_.acquaintance->hangs;
      throw SubjectHang(names_.to_script(std::string(hang.what())));
    } catch (const SubjectFailure& failure) {
      forget();
      throw SubjectFailure(names_.to_script(std::string(failure.what())));
    }
  }
  void forget() {
    process_.reset();
    told_.clear();
    started_jobs_ = false;
    asynchronous_.clear();
  }
  void end() {
    process_->wait_for_end();
    forget();
  }
  void quit() {
    process().execute({{"execute", "quit"}});
    end();
  }
  void kill() {
    if (!program_.started_by_us()) throw CannotFollow("its process is not ours to kill");
    process_->kill();
    forget();
  }

  std::string human(const std::string& line) {
    const json reply = process().execute(hmp::request(line));
    return reply.contains("return") ? reply["return"].get<std::string>()
                                    : reply["error"]["desc"].get<std::string>();
  }
  json drive_command(const std::string& line) {
    return guarded([&] { return names_.to_script(hmp::drive_reply(human(line))); });
  }

  /// Remembers which jobs were told to come to their end: they are not at rest until they are gone.
  void note_told(const std::string& command, const json& request) {
    started_jobs_ |= command == "block-commit";
    const bool ends = command.ends_with("-complete") || command.ends_with("-cancel") ||
                      command.ends_with("-finalize");
    if (!ends || !request.contains("arguments")) return;
    const json& arguments = request["arguments"];
    told_.insert(arguments.value("device", arguments.value("id", "")));
  }

  void finish_requests();
  void settle_jobs();
  void await_pauses();
  void poll_jobs(const std::function<bool(const json& job)>& is_moving, const char* complaint);
  bool ending(const json& job) const;
  bool at_rest();
  bool may_meet_a_fault(const json& job) const;
  std::optional<json> next_event(const std::string& event);
  /// What only looks meets no fault. Requires that nothing else moves.
  template <class Look>
  json only_looking(const Look& look) {
    std::optional<FaultTable::Pause> pause;
    if (faults_) pause.emplace(*faults_);
    return look();
  }
  json all_bytes(const std::string& node);

  QmpProgram program_;
  QemuSupply* supply_;  ///< null: each process is started when it is needed
  QemuImg images_;
  Names names_;
  std::optional<FaultTable> faults_;  ///< none if its storage cannot fail in this run
  std::unique_ptr<QemuProcess> process_;
  steady_clock::time_point deadline_;  ///< of the operation
  Profile profile_;
  std::set<std::string> told_;
  bool started_jobs_ = false;              ///< whether there may be any
  steady_clock::time_point last_request_;  ///< of the guest
  std::set<std::string> asynchronous_;     ///< where requests are that nobody has waited for
};

/// The kernel tells which file a call is about by its canonical path.
void QemuSubject::fail_storage(const std::string& file, const std::optional<StorageFault>& fault) {
  FaultTable& faults = table();
  const std::string path = std::filesystem::weakly_canonical(names_.to_real(file)).string();
  if (fault) {
    faults.set(path, *fault);
  } else {
    faults.clear(path);
  }
}

void QemuSubject::finish_requests() {
  // The first that is there still waits for those of all nodes (M57).
  for (const std::string& node : std::exchange(asynchronous_, {})) {
    const std::string answer = human(hmp::io_line(node, "aio_flush"));
    if (!answer.starts_with("Error: ")) return;
  }
}

/// Whether a job, as query-block-jobs has it, comes to READY or to its end without a command. One
/// that its speed holds back for a minute is asleep (M39).
bool QemuSubject::ending(const json& job) const {
  const std::string status = job["status"];
  if (is_at_rest(status)) return false;
  if (told_.contains(job["device"])) return true;
  const std::int64_t speed = job["speed"];
  const bool asleep = status == "running" && speed > 0 && speed < slow_speed;
  return may_meet_a_fault(job) || (status != "ready" && !asleep);
}

void QemuSubject::settle_jobs() {
  if (!started_jobs_) return;
  poll_jobs([this](const json& job) { return ending(job); }, "was told to end");
}

/// A job pauses when it comes to its next pause point, soon after the command has answered.
void QemuSubject::await_pauses() {
  const auto to_pause = [](const json& job) {
    return job["paused"] == true && (job["status"] == "running" || job["status"] == "ready");
  };
  poll_jobs(to_pause, "was told to pause");
}

/// Waits until none of the jobs, as query-block-jobs has them, is moving.
void QemuSubject::poll_jobs(const std::function<bool(const json& job)>& is_moving,
                            const char* complaint) {
  while (true) {
    const json jobs = process().ask({{"execute", "query-block-jobs"}}).at("return");
    started_jobs_ = !jobs.empty();
    if (jobs.empty()) told_.clear();
    if (std::none_of(jobs.begin(), jobs.end(), is_moving)) return;
    if (steady_clock::now() >= deadline_) {
      throw SubjectHang(std::string("a job that ") + complaint + " does not, within " +
                        seconds_text(program_.limit));
    }
    process().wait_for_event(std::min(deadline_, steady_clock::now() + milliseconds(20)));
  }
}

/// Whether a job that is READY may still copy what the guest wrote, where storage may fail: then it
/// ends without a command. It begins at the next of its turns, ten of which come in a second.
bool QemuSubject::may_meet_a_fault(const json& job) const {
  constexpr milliseconds some_turns{500};
  if (!faults_ || job["status"] != "ready" || job["speed"] > 0) return false;
  return steady_clock::now() < last_request_ + some_turns || job["len"] != job["offset"];
}

/// Whether no job goes on without a command.
bool QemuSubject::at_rest() {
  const json reply = process().ask({{"execute", "query-jobs"}});
  const json& jobs = reply.at("return");
  if (jobs.empty()) told_.clear();
  const auto rests = [this](const json& job) {
    const std::string status = job["status"];
    return is_at_rest(status) || (status == "ready" && !told_.contains(job["id"]));
  };
  if (!std::all_of(jobs.begin(), jobs.end(), rests)) return false;
  if (jobs.empty() || !faults_) return true;
  const json in_detail = process().ask({{"execute", "query-block-jobs"}}).at("return");
  return std::none_of(in_detail.begin(), in_detail.end(),
                      [this](const json& job) { return may_meet_a_fault(job); });
}

/// A job tells by an event whenever its status changes, so between two events there is nothing to
/// ask. Programs that tell less are asked now and then.
std::optional<json> QemuSubject::next_event(const std::string& event) {
  constexpr milliseconds patience_with_the_silent{200};
  while (true) {
    if (auto found = process().take_event(event)) return names_.to_script(std::move(*found));
    const bool rest = at_rest();
    // An event that a job sent before it came to rest is kept now.
    if (auto found = process().take_event(event)) return names_.to_script(std::move(*found));
    if (rest) return std::nullopt;
    const auto now = steady_clock::now();
    if (now >= deadline_) break;
    process().wait_for_event(std::min(deadline_, now + patience_with_the_silent));
  }
  throw SubjectHang("no " + event + " came within " + seconds_text(program_.limit) +
                    ", and the jobs do not come to rest");
}

json QemuSubject::all_bytes(const std::string& node) {
  const json found = find_node(process(), node);
  if (found.is_null()) {
    return {{"error", {{"class", "GenericError"}, {"desc", "Node '" + node + "' not found"}}}};
  }
  const std::uint64_t length = found["image"]["virtual-size"].get<std::uint64_t>();
  const std::string name = found["node-name"];
  auto contents = exported_contents(process(), name, length);
  if (!contents && sees_guest_io()) contents = printed_contents(process(), node, length);
  if (!contents && !sees_guest_io()) return Allowed::any("its data is not seen");
  if (!contents) {
    throw SubjectFailure(program_.name + " cannot read the " + std::to_string(length) +
                         " bytes that it tells " + node + " has");
  }
  return std::move(*contents);
}

}  // namespace

std::unique_ptr<Subject> make_qemu_subject(const QmpProgram& program, const std::string& directory,
                                           QemuSupply* supply) {
  return std::make_unique<QemuSubject>(program, directory, supply);
}

}  // namespace sim
