// SPDX-License-Identifier: MIT
#include "engine/qcow2/write_order.h"

#include <algorithm>
#include <exception>

namespace engine::qcow2 {

void WriteOrder::declare(WriteBack& before, WriteBack& after) {
  INVARIANT(&before != &after && !comes_before(after, before));
  edges_.push_back({&before, &after});
  for (WriteBack* member : {&before, &after}) {
    if (std::find(members_.begin(), members_.end(), member) == members_.end())
      members_.push_back(member);
  }
  sort_members();
}

bool WriteOrder::comes_before(const WriteBack& before, const WriteBack& after) const {
  return std::any_of(edges_.begin(), edges_.end(), [&](const Edge& edge) {
    return edge.after == &after && (edge.before == &before || comes_before(before, *edge.before));
  });
}

void WriteOrder::sort_members() {
  std::vector<WriteBack*> rest = std::move(members_);
  members_.clear();
  while (!rest.empty()) {
    const auto next = std::find_if(rest.begin(), rest.end(), [&](const WriteBack* candidate) {
      return std::none_of(rest.begin(), rest.end(),
                          [&](const WriteBack* other) { return comes_before(*other, *candidate); });
    });
    members_.push_back(*next);
    rest.erase(next);
  }
}

io::Task<void> WriteOrder::write_back(WriteBack& last) {
  for (WriteBack* member : members_) {
    const bool wanted = member == &last || comes_before(*member, last);
    if (wanted && member->dirty()) co_await write_member(*member);
  }
}

io::Task<void> WriteOrder::write_back_all() {
  for (WriteBack* member : members_) {
    if (member->dirty()) co_await write_member(*member);
  }
}

io::Task<void> WriteOrder::write_member(WriteBack& member) {
  const bool wait = std::any_of(members_.begin(), members_.end(), [&](const WriteBack* other) {
    return other->in_page_cache() && comes_before(*other, member);
  });
  if (wait) co_await make_durable();
  member.note_written();
  co_await member.write_back();
}

io::Task<void> WriteOrder::make_durable() {
  // Noted before the flush starts: what is written while it runs is not covered by it.
  std::vector<WriteBack*> covered;
  for (WriteBack* member : members_) {
    if (member->in_page_cache()) covered.push_back(member);
    member->in_page_cache_ = false;
  }
  std::exception_ptr error;
  try {
    co_await file_.flush();
  } catch (...) {
    error = std::current_exception();
  }
  if (error == nullptr) co_return;
  for (WriteBack* member : covered) member->note_written();
  std::rethrow_exception(error);
}

}  // namespace engine::qcow2
