// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/disk.h"
#include "sim/qmp_program.h"
#include "sim/step.h"
#include "sim/subject.h"

namespace sim {

class FaultTable;
class QemuSupply;

/// Where a subject of the simulation keeps its bytes.
enum class StorageKind { sim, files };

/// Time of the simulated disk's operations.
enum class Timing { instant, timed };

/// The reference model.
std::unique_ptr<Subject> make_model_subject();
/// Another model in the same state. Requires that `model` is one.
std::unique_ptr<Subject> copy_of_model(const Subject& model);
/// The states that a model may be in after a crash, each as a model that is in that state alone.
/// Requires that `model` is a model.
std::vector<std::unique_ptr<Subject>> states_of(const Subject& model);
/// Whether the model has given up: it allows whatever it is asked from now on, for it is open what
/// a fault of storage has met (M54).
bool allows_everything(const Subject& model);
/// Whether there is just one. Requires that `model` is a model.
bool has_one_state(const Subject& model);
/// A model for each outcome that `step`, the next one, may have because it meets jobs at their end
/// (M58) or storage that fails (M65): there the step comes to that. None if there is just one.
/// Requires that `model` is a model in one state.
std::vector<std::unique_ptr<Subject>> outcomes_of(const Subject& model, const Step& step);
/// Whether nothing that may still be done tells the two models apart. Requires that both are
/// models.
bool same_state(const Subject& one, const Subject& other);

/// Tells a model what was seen of it, where it allows more than that: data and dirty bits that do
/// not move (M9). Whether it has learnt anything. Requires that `model` is one, in one state that
/// allows what was seen.
bool learn(Subject& model, const ShowStep& step, const nlohmann::json& seen);

/// The engine, on a simulated disk or on files below `directory`, which must exist; virtual time
/// in both. Without a journal the power cannot be cut; on files it is killed then.
std::unique_ptr<Subject> make_engine_subject(StorageKind storage, const std::string& directory,
                                             Timing timing, Journal journal = Journal::off);

/// The engine on a disk that somebody looks at while it runs.
struct WatchedEngine {
  std::unique_ptr<Subject> subject;
  const Disk* disk;  ///< lives as long as the subject
};
/// `watcher`, who must outlive the subject, is told of every operation of the disk.
WatchedEngine make_watched_engine(DiskWatcher& watcher);
/// The engine on a disk whose faults somebody counts.
struct FaultyEngine {
  std::unique_ptr<Subject> subject;
  FaultTable* faults;  ///< lives as long as the subject
};
FaultyEngine make_faulty_engine();
/// The engine on a simulated disk that holds these files.
std::unique_ptr<Subject> make_engine_subject_on(DiskFiles files);

/// A real QEMU, or another program that speaks QMP; the qemu-img beside it, or else the one in
/// PATH, makes its images. Files below `directory`, which must exist. `supply`, if there is one,
/// gives the processes; it is the program's and outlives the subject.
std::unique_ptr<Subject> make_qemu_subject(const QmpProgram& program, const std::string& directory,
                                           QemuSupply* supply = nullptr);

}  // namespace sim
