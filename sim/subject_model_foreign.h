// SPDX-License-Identifier: MIT
#pragma once

#include "model/model.h"
#include "sim/foreign/image.h"

namespace sim {

/// What the model is told of an image that something else made (M67 to M69, M71).
model::Image model_image(const foreign::Image& image);

}  // namespace sim
