// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cerrno>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace sim {

/// The operations on a file that can be made to fail. Whatever changes the file is a write: also
/// zeroing and resizing.
enum class Operation { read, write, flush };

/// The words of the scenario language: read, write, flush.
std::string to_string(Operation operation);
std::optional<Operation> operation_called(const std::string& word);

/// How an operation on a file fails.
struct StorageFault {
  Operation operation = Operation::write;
  int error = EIO;     ///< an errno value
  bool once = false;   ///< one operation only, else all from then on
  unsigned after = 0;  ///< how many operations succeed before
};

/// Which operations on which files fail. One fault for each operation of a file; a file that is
/// reopened, also by another process, is as faulty as before. May be asked by another thread than
/// the one that sets it.
class FaultTable {
 public:
  void set(const std::string& file, const StorageFault& fault);
  /// The file works again.
  void clear(const std::string& file);
  /// The operation of that number from now on, of whatever file whose path begins with `below`,
  /// fails once; 0: none does.
  void set_nth(unsigned number, int error, const std::string& below = {});
  /// An operation that failed for its number.
  struct Struck {
    std::string file;
    Operation operation;
  };
  /// The one that did since set_nth; nothing if there were not so many.
  std::optional<Struck> struck();
  /// How many there were since set_nth.
  unsigned counted();
  /// Whether nothing fails at all.
  bool empty() const { return empty_.load(std::memory_order_relaxed) || paused_; }
  /// While it lives, nothing fails and nothing is counted: for what only looks.
  class Pause {
   public:
    explicit Pause(FaultTable& table) : table_(table) { table_.paused_ = true; }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;
    ~Pause() { table_.paused_ = false; }

   private:
    FaultTable& table_;
  };
  /// Counts an operation that is about to be done; the errno that it fails with, or 0.
  int strike(const std::string& file, Operation operation);

 private:
  std::mutex mutex_;
  bool works() const { return faults_.empty() && nth_ == 0; }

  std::map<std::pair<std::string, Operation>, StorageFault> faults_;
  unsigned nth_ = 0, counted_ = 0;
  int nth_error_ = 0;
  std::string below_;
  std::optional<Struck> struck_;
  std::atomic<bool> empty_{true};
  std::atomic<bool> paused_{false};
};

}  // namespace sim
