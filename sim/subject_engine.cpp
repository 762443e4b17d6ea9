// SPDX-License-Identifier: MIT
#include <cerrno>
#include <cstring>
#include <deque>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/io/checked_storage.h"
#include "engine/io/file_host.h"
#include "engine/qcow2/info.h"
#include "engine/qmp/monitor.h"
#include "sim/damage.h"
#include "sim/disk.h"
#include "sim/failing_storage.h"
#include "sim/foreign/keepsakes.h"
#include "sim/foreign/layout.h"
#include "sim/hmp.h"
#include "sim/images.h"
#include "sim/interrupt.h"
#include "sim/names.h"
#include "sim/request.h"
#include "sim/subjects.h"
#include "sim/usage_error.h"
#include "sim/world.h"

namespace sim {

using engine::io::Host;
using engine::qmp::Monitor;
using nlohmann::json;

namespace {

/// How long a client waits for a job that ends by itself: what is slower than that is asleep (M39).
constexpr engine::io::Nanoseconds patience = std::chrono::minutes(1);

/// Where the simulated disk has the files of a testcase.
constexpr const char* simulated_directory = "/TEST_DIR";

json done() { return {{"return", json::object()}}; }

json refused(const std::string& text) {
  return {{"error", {{"class", "GenericError"}, {"desc", text}}}};
}

/// Breaks an image at rest (sim/damage.h).
engine::io::Task<json> damage(Host& host, std::string path, std::string what) {
  std::unique_ptr<engine::io::Storage> file;
  try {
    file = co_await host.open(path, engine::io::Access::read_write, engine::io::Locking::on);
  } catch (const engine::IoError& error) {
    if (error.code() != ENOENT && error.code() != ENOTDIR) throw;
  }
  if (!file) co_return refused(nothing_to_damage(what));
  std::vector<std::byte> bytes(file->size().value);
  const std::span<std::byte> buffer(bytes);
  const engine::HostOffset start{0};
  co_await file->read(start, buffer);
  const std::optional<Patch> patch = sim::damage(bytes, what);
  if (!patch) co_return refused(nothing_to_damage(what));
  const engine::HostOffset at{patch->offset};
  const std::span<const std::byte> data(patch->bytes);
  co_await file->write(at, data);
  co_await file->flush();
  co_return done();
}

/// Puts the bytes of an image there, if nothing is there.
engine::io::Task<json> find(Host& host, std::string path, foreign::File bytes) {
  bool there = true;
  try {
    co_await host.open(path, engine::io::Access::read_only, engine::io::Locking::off);
  } catch (const engine::IoError& error) {
    if (error.code() != ENOENT) throw;
    there = false;
  }
  if (there) co_return refused(foreign::there_already);
  const std::unique_ptr<engine::io::Storage> file = co_await host.create(path);
  for (const Patch& piece : bytes.pieces) {
    const engine::HostOffset at{piece.offset};
    const std::span<const std::byte> data(piece.bytes);
    co_await file->write(at, data);
  }
  co_await file->resize(engine::ByteCount{bytes.size});
  co_await file->flush();
  co_return done();
}

/// Runs of equal bytes, in the shape of model::contents.
class RunWriter {
 public:
  void add(std::uint64_t offset, std::span<const std::byte> bytes) {
    for (std::size_t i = 0; i < bytes.size();) {
      const std::size_t end = end_of_run(bytes, i);
      append(offset + i, end - i, std::to_integer<unsigned>(bytes[i]));
      i = end;
    }
  }
  json take() { return std::move(runs_); }

 private:
  /// The first byte after `start` that is another one; looked for in long strides at first.
  static std::size_t end_of_run(std::span<const std::byte> bytes, std::size_t start) {
    constexpr std::size_t stride = 4096;
    std::size_t end = start + 1;
    while (bytes.size() - end >= stride && std::memcmp(&bytes[end - 1], &bytes[end], stride) == 0) {
      end += stride;
    }
    while (end < bytes.size() && bytes[end] == bytes[start]) ++end;
    return end;
  }

  void append(std::uint64_t start, std::uint64_t length, unsigned byte) {
    if (!runs_.empty() && last_ == byte) {
      runs_.back()[1] = runs_.back()[1].get<std::uint64_t>() + length;
      return;
    }
    runs_.push_back({start, length, json::array({byte})});
    last_ = byte;
  }

  json runs_ = json::array();
  unsigned last_ = 0;
};

/// Lets a world stand still before the disk's operation of that number takes effect.
class Countdown : public DiskWatcher {
 public:
  Countdown(World& world, unsigned operation) : world_(world), left_(operation) {}

  bool about_to(const DiskOperation&) override {
    if (left_ > 0 && --left_ > 0) return true;
    world_.drop_waiters();
    return false;
  }
  bool over() const { return left_ == 0; }

 private:
  World& world_;
  unsigned left_;
};

/// The engine as a subject: a Monitor in a world of its own, on a disk in memory or on real files.
class EngineSubject : public Subject {
 public:
  EngineSubject(StorageKind storage, const std::string& directory, Timing timing, Journal journal,
                DiskFiles files = {})
      : world_(choice_),
        disk_(world_, timing == Timing::instant ? instant_latency : timed_latency, journal,
              std::move(files)),
        simulated_(storage == StorageKind::sim),
        host_(simulated_ ? static_cast<Host&>(disk_) : files_),
        failing_(host_, world_, faults_),
        names_(simulated_ ? simulated_directory : directory) {
    disk_.add_directory(simulated_directory);
  }
  ~EngineSubject() override { die(); }

  Disk& disk() { return disk_; }
  FaultTable& faults() { return faults_; }

  std::string_view name() const override { return "engine"; }

  void come_to(Rest rest) override {
    if (!monitor_ || rest == Rest::none) return;
    const bool requests = rest == Rest::jobs_and_requests;
    world_.run_until([&] {
      return !monitor_->jobs_ending(patience) && !(requests && monitor_->requests_in_flight());
    });
    // A job that is READY copies what the guest wrote, and may meet a fault and end.
    constexpr std::uint64_t all = 100000;
    if (may_fail_) world_.run_events(all, std::chrono::seconds(1));
  }

  json execute(const json& request) override {
    json reply = send(names_.to_real(request));
    if (ends_process(request, reply)) die();
    return names_.to_script(std::move(reply));
  }

  std::optional<json> await_event(const std::string& name) override {
    monitor();
    std::optional<json> found;
    world_.run_until([&] { return (found = take_event(name)).has_value(); });
    if (!found) return std::nullopt;
    return names_.to_script(std::move(*found));
  }

  std::string guest_io(const std::string& node, const std::string& command) override {
    console_.clear();
    const std::string answer = human(hmp::io_line(node, names_.to_real(command)));
    if (answer.empty() && console_.empty()) return {};
    return names_.to_script(hmp::io_trouble(answer, console_));
  }

  json create_image(const json& options) override {
    return answer([&] {
      world_.run(images::create(world_, host_, names_.to_real(options)));
      return done();
    });
  }
  json add_drive(const json& options) override {
    return names_.to_script(hmp::drive_reply(human(hmp::drive_line(names_.to_real(options)))));
  }
  json delete_drive(const std::string& id) override {
    return names_.to_script(hmp::drive_reply(human("drive_del " + id)));
  }
  void schedule(std::uint64_t seed) override {
    choice_.seed(seed);
    disk_.set_latency(timed_latency);
  }
  void run(unsigned events) override { world_.run_events(events, std::chrono::seconds(1)); }

  void stop(Stop how) override {
    if (monitor_ && how == Stop::clean) send({{"execute", "quit"}});
    die();
  }
  void cut_power(const Kept& kept) override {
    die();
    if (!simulated_) return;
    const std::vector<Unflushed> changes = disk_.unflushed();
    if (const std::string beyond = kept.beyond(changes); !beyond.empty()) {
      throw UsageError(kept.option() + " names " + beyond + ", which is not there: " +
                       std::to_string(changes.size()) + " changes are not flushed");
    }
    disk_.power_cut(kept);
  }
  void cut_short(const Cut& cut, const std::function<void()>& step) override {
    if (!simulated_) return Subject::cut_short(cut, step);
    Countdown countdown(world_, cut.operation);
    disk_.watch(&countdown);
    try {
      step();
    } catch (const Stuck&) {
      if (!countdown.over()) throw;
    }
    disk_.watch(nullptr);
    cut.how == Stop::power ? cut_power(cut.kept) : die();
  }

  void expect_faults() override { may_fail_ = true; }
  void fail_storage(const std::string& file, const std::optional<StorageFault>& fault) override {
    if (fault) {
      faults_.set(names_.to_real(file), *fault);
    } else {
      faults_.clear(names_.to_real(file));
    }
  }
  void fail_operation(unsigned number, int error) override { faults_.set_nth(number, error); }
  json damage_image(const std::string& file, const std::string& what) override {
    return world_.run(damage(host_, names_.to_real(file), what));
  }

  json find_image(const std::string& file, const foreign::Image& image) override {
    foreign::Image real = image;
    real.backing_file = names_.to_real(image.backing_file);
    return world_.run(find(host_, names_.to_real(file), foreign::file_of(real)));
  }
  json image_info(const std::string& file) override {
    return answer([&] {
      const engine::qcow2::InfoRequest request{names_.to_real(file), "", engine::io::Locking::off};
      return images::brief(world_.run(engine::qcow2::image_info(world_, host_, request)));
    });
  }
  json image_check(const std::string& file) override {
    return answer([&] {
      const engine::qcow2::InfoRequest image{names_.to_real(file), "", engine::io::Locking::shared};
      const json report = world_.run(images::check(world_, host_, image));
      return json{{"corruptions", report.value("corruptions", 0)},
                  {"leaks", report.value("leaks", 0)}};
    });
  }
  json keepsakes(const std::string& file) override {
    if (!simulated_) return foreign::keepsakes_in_file(names_.to_real(file));
    const SparseBytes bytes = disk_.files()[names_.to_real(file)];
    return foreign::keepsakes_in([&bytes](auto at, auto to) { bytes.read(at, to); });
  }
  json dirty_ranges(const std::string& node, const std::string& bitmap) override {
    return answer([&] {
      json runs = json::array();
      for (const engine::bitmap::Range& range : monitor().dirty_ranges(node, bitmap)) {
        runs.push_back({range.start.value, range.length.value});
      }
      return json{{"must", runs}, {"may", runs}};
    });
  }
  json contents(const std::string& node) override {
    const FaultTable::Pause looking(faults_);
    return answer([&] { return read_all(node); });
  }

 private:
  Monitor& monitor() {
    if (!monitor_) {
      monitor_ = std::make_unique<Monitor>(
          world_, failing_,
          engine::qmp::Sinks{[this](const json& event) { events_.push_back(event); },
                             [this](const std::string& text) { console_ += text; }});
      json negotiation = {{"execute", "qmp_capabilities"}};
      world_.run(monitor_->execute(std::move(negotiation)));
    }
    return *monitor_;
  }

  json send(json request) { return world_.run(monitor().execute(std::move(request))); }

  std::string human(std::string line) { return world_.run(monitor().human(std::move(line))); }

  static bool ends_process(const json& request, const json& reply) {
    return command_of(request) == "quit" && reply.contains("return");
  }

  /// The process is gone: nobody waits any more, and what it sent and was not read is lost.
  void die() {
    world_.drop_waiters();
    monitor_.reset();
    // What was destroyed may have woken what was destroyed after it.
    world_.drop_waiters();
    events_.clear();
  }

  std::optional<json> take_event(const std::string& name) {
    for (auto event = events_.begin(); event != events_.end(); ++event) {
      if ((*event)["event"] != name) continue;
      json found = std::move(*event);
      events_.erase(event);
      return found;
    }
    return std::nullopt;
  }

  /// A refusal is an answer; anything else that is thrown is a broken engine.
  template <class Work>
  json answer(const Work& work) {
    try {
      return names_.to_script(work());
    } catch (const engine::Refusal& refusal) {
      return names_.to_script(refused(refusal.what()));
    }
  }

  json read_all(const std::string& node) {
    constexpr std::uint64_t step = 1 << 20;
    const std::uint64_t length = monitor().length(node).value;
    RunWriter runs;
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(std::min(step, length));
    for (std::uint64_t at = 0; at < length; at += step) {
      InterruptGuard::check();
      const std::span<std::byte> part(buffer.get(), std::min(step, length - at));
      world_.run(monitor().read(node, engine::GuestOffset{at}, part));
      runs.add(at, part);
    }
    return runs.take();
  }

  LateChoice choice_;
  World world_;
  Disk disk_;
  bool simulated_;
  engine::io::FileHost files_;
  engine::io::CheckedHost host_;
  FaultTable faults_;
  bool may_fail_ = false;
  FailingHost failing_;  ///< what the engine has; the harness looks at files below it
  Names names_;
  std::deque<json> events_;
  std::string console_;
  std::unique_ptr<Monitor> monitor_;
};

}  // namespace

std::unique_ptr<Subject> make_engine_subject(StorageKind storage, const std::string& directory,
                                             Timing timing, Journal journal) {
  return std::make_unique<EngineSubject>(storage, directory, timing, journal);
}

WatchedEngine make_watched_engine(DiskWatcher& watcher) {
  auto engine = std::make_unique<EngineSubject>(StorageKind::sim, "", Timing::instant, Journal::on);
  engine->disk().watch(&watcher);
  const Disk* disk = &engine->disk();
  return {std::move(engine), disk};
}

FaultyEngine make_faulty_engine() {
  auto engine = std::make_unique<EngineSubject>(StorageKind::sim, "", Timing::instant, Journal::on);
  engine->expect_faults();
  FaultTable* faults = &engine->faults();
  return {std::move(engine), faults};
}

std::unique_ptr<Subject> make_engine_subject_on(DiskFiles files) {
  return std::make_unique<EngineSubject>(StorageKind::sim, "", Timing::instant, Journal::off,
                                         std::move(files));
}

}  // namespace sim
