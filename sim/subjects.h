// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include "sim/qmp_program.h"
#include "sim/subject.h"

namespace sim {

class QemuSupply;

/// Where a subject of the simulation keeps its bytes.
enum class StorageKind { sim, files };

/// Time of the simulated disk's operations.
enum class Timing { instant, timed };

/// The reference model.
std::unique_ptr<Subject> make_model_subject();

/// The engine, on a simulated disk or on files below `directory`, which must exist; virtual time
/// in both.
std::unique_ptr<Subject> make_engine_subject(StorageKind storage, const std::string& directory,
                                             Timing timing);

/// A real QEMU, or another program that speaks QMP; the qemu-img beside it, or else the one in
/// PATH, makes its images. Files below `directory`, which must exist. `supply`, if there is one,
/// gives the processes; it is the program's and outlives the subject.
std::unique_ptr<Subject> make_qemu_subject(const QmpProgram& program, const std::string& directory,
                                           QemuSupply* supply = nullptr);

}  // namespace sim
