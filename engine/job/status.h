// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace engine::job {

/// Where a job is in its life (QMP's JobStatus, S83).
enum class Status {
  created,
  running,
  paused,
  ready,
  standby,
  waiting,
  pending,
  aborting,
  concluded,
  null
};
/// What a client may ask of a job (QMP's JobVerb).
enum class Verb { cancel, pause, resume, set_speed, complete, finalize, dismiss };

/// As the wire has them: "running", "set-speed".
std::string_view to_string(Status status);
std::string_view to_string(Verb verb);

/// Whether a job in that state may be asked that (S83).
bool accepts(Status status, Verb verb);

}  // namespace engine::job
