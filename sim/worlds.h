// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sim/difference.h"

namespace sim {

/// What the judge holds for possible. A world is a state of the model. Each witness has the worlds
/// that explain all that it has shown so far: a step leads each of them on, an answer drops those
/// that do not explain it, and an answer that none of them explains is the finding. So two
/// witnesses may be in different worlds after a crash, and each is held to its own. Where a world
/// allows several bytes or bits and a witness shows one of them, that is from then on what this
/// witness's world holds.
///
/// What is allowed before anybody answers is what all worlds together allow, those that witnesses
/// have ruled out as well: a transcript does not depend on who took part.
class Worlds {
 public:
  /// More are not told apart: the steps from there on are not judged.
  static constexpr std::size_t most = 256;

  /// One world without files, for witnesses 0 … `witnesses` - 1, at most 63.
  explicit Worlds(std::size_t witnesses);

  /// Leads all worlds on by a step. Throws whatever the model throws if it breaks.
  void lead_on(const Step& step);
  /// What is allowed to be seen of the last step, which is heard no more after that.
  nlohmann::json take_allowed();

  /// What became of an answer.
  struct Heard {
    std::optional<Finding> finding;  ///< why none of the witness's worlds explains it
    std::string not_judged;          ///< why nothing could be found wrong with it; empty: it could
  };
  /// A witness answers the last step. If no world explains the answer, its worlds stay as they are.
  Heard hear(std::size_t witness, const Step& step, const nlohmann::json& seen,
             const Profile* profile);

  /// How many there are, told apart or not.
  std::size_t size() const { return worlds_.size(); }
  /// How many still explain what the witness has shown.
  std::size_t size_for(std::size_t witness) const;

 private:
  /// Who holds a world for possible: bit 0 stands for everybody before answers, 1 + i for witness
  /// i.
  using Holders = std::uint64_t;
  struct World {
    std::unique_ptr<Subject> model;
    Holders holders;
    nlohmann::json answer = nullptr;  ///< to the last step
  };

  static Holders holder(std::size_t witness) { return Holders{2} << witness; }
  void learn(Holders bit, const Step& step, const nlohmann::json& seen);
  bool part_before(const Step& step);
  void merge_equal();
  void split();
  void give_up_if_too_many();

  std::vector<World> worlds_;
  Holders given_up_ = 0;  ///< who had too many worlds
};

}  // namespace sim
