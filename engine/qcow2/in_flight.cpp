// SPDX-License-Identifier: MIT
#include "engine/qcow2/in_flight.h"

namespace engine::qcow2 {

namespace {

using Use = InFlight::Use;

bool excluded_in_guest(Use a, Use b) {
  if (a == Use::replacing || b == Use::replacing) return true;
  return a == Use::allocating && b == Use::allocating;
}

bool excluded_in_file(Use a, Use b) { return a != Use::reading || b != Use::reading; }

}  // namespace

bool InFlight::conflicts(Use use, GuestRange guest, HostRange host) const {
  for (const Ticket* other = first_; other != nullptr; other = other->next_) {
    if (excluded_in_guest(use, other->use_) && guest.overlaps(other->guest_)) return true;
    if (excluded_in_file(use, other->use_) && host.overlaps(other->host_)) return true;
  }
  return false;
}

}  // namespace engine::qcow2
