// SPDX-License-Identifier: MIT
#pragma once

#include "sim/step.h"

namespace sim::fuzz {

/// Whether the model knows what a step brings about. It does not where a job may or may not be
/// READY unseen (M4): to complete it or to cancel it softly does one thing or the other, and
/// whoever waits for its READY while it is paused may wait in vain. Who does such a thing cannot
/// tell what comes after. Asks the model, and changes nothing.
bool is_sensible(const Step& step, Subject& model);

}  // namespace sim::fuzz
