// SPDX-License-Identifier: MIT
#pragma once

#include "sim/step.h"

namespace sim::fuzz {

/// Whether the model knows what a step brings about. It does not where a job may or may not be
/// READY unseen (M4): to complete or cancel it does one thing or the other, its READY may have come
/// before another speed or not, and whoever waits for it while the job is paused may wait in vain.
/// Nor does it know when a commit ends that sleeps and is woken, or that to look wakes it (M39). A
/// guest that a job in `pending` holds back is not waited for, either. Asks the model.
bool is_sensible(const Step& step, Subject& model);

}  // namespace sim::fuzz
