// SPDX-License-Identifier: MIT
#include "sim/fault.h"

namespace sim {

std::string to_string(Operation operation) {
  switch (operation) {
    case Operation::read:
      return "read";
    case Operation::write:
      return "write";
    case Operation::flush:
      break;
  }
  return "flush";
}

std::optional<Operation> operation_called(const std::string& word) {
  for (const Operation each : {Operation::read, Operation::write, Operation::flush}) {
    if (to_string(each) == word) return each;
  }
  return std::nullopt;
}

void FaultTable::set(const std::string& file, const StorageFault& fault) {
  const std::lock_guard lock(mutex_);
  faults_[{file, fault.operation}] = fault;
  empty_ = false;
}

void FaultTable::clear(const std::string& file) {
  const std::lock_guard lock(mutex_);
  std::erase_if(faults_, [&](const auto& each) { return each.first.first == file; });
  empty_ = works();
}

void FaultTable::set_nth(unsigned number, int error, const std::string& below) {
  const std::lock_guard lock(mutex_);
  nth_ = number;
  nth_error_ = error;
  below_ = below;
  counted_ = 0;
  struck_.reset();
  empty_ = works();
}

std::optional<FaultTable::Struck> FaultTable::struck() {
  const std::lock_guard lock(mutex_);
  return struck_;
}

unsigned FaultTable::counted() {
  const std::lock_guard lock(mutex_);
  return counted_;
}

int FaultTable::strike(const std::string& file, Operation operation) {
  if (empty()) return 0;
  const std::lock_guard lock(mutex_);
  if (nth_ > 0 && file.starts_with(below_) && ++counted_ == nth_) {
    struck_ = {file, operation};
    return nth_error_;
  }
  const auto found = faults_.find({file, operation});
  if (found == faults_.end()) return 0;
  StorageFault& fault = found->second;
  if (fault.after > 0) {
    --fault.after;
    return 0;
  }
  const int error = fault.error;
  if (fault.once) faults_.erase(found);
  empty_ = works();
  return error;
}

}  // namespace sim
