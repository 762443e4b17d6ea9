// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "model/model.h"
#include "sim/allowed.h"
#include "sim/ensure.h"
#include "sim/fault.h"
#include "sim/foreign/keepsakes.h"
#include "sim/observe.h"
#include "sim/request.h"
#include "sim/subject_model_foreign.h"
#include "sim/subjects.h"

namespace sim {

using nlohmann::json;

namespace {

static_assert(std::is_nothrow_move_constructible_v<model::State>,
              "a vector that grows must move states, not copy them");

/// The model as a subject. It has no files and no bytes, so it needs no translation of names. After
/// a crash that may have left one of several states it goes on as all of them.
class ModelSubject : public Subject {
 public:
  std::string_view name() const override { return "model"; }

  bool has_given_up() const { return !unknown_.empty(); }
  std::size_t state_count() const { return states_.size(); }
  /// A model of one of its states.
  std::unique_ptr<ModelSubject> alone(std::size_t index) const {
    auto result = std::make_unique<ModelSubject>();
    result->states_.front() = states_[index];
    result->leaks_ = leaks_;
    result->wrong_ = wrong_;
    result->unknown_ = unknown_;
    return result;
  }
  /// A model for each outcome that the step may have, whose next step comes to that; none if there
  /// is just one.
  std::vector<std::unique_ptr<Subject>> outcomes_of(const Step& step) const {
    if (!unknown_.empty() || !may_part(step)) return {};
    ModelSubject trial(*this);
    trial.parted_.emplace();
    observe(trial, step);
    std::vector<std::unique_ptr<Subject>> result;
    if (trial.parted_->size() < 2) return result;
    for (model::Outcome& outcome : *trial.parted_) {
      auto& each = result.emplace_back(copy_of_model(*this));
      dynamic_cast<ModelSubject&>(*each).destined_ = std::move(outcome);
    }
    return result;
  }
  bool learn(const ShowStep& step, const json& seen) {
    if (!unknown_.empty()) return false;
    model::State& state = states_.front();
    if (step.sight == Sight::data) return model::learn_contents(state, step.target, seen);
    return model::learn_dirty(state, step.target, step.bitmap, seen["must"]);
  }
  /// Whether all that may still be seen of the two is the same.
  bool same_as(const ModelSubject& other) const {
    if (leaks_ != other.leaks_ || unknown_ != other.unknown_) return false;
    return !unknown_.empty() || states_ == other.states_;
  }

  void come_to(Rest rest) override {
    if (rest == Rest::none || destined_) return;
    in_all([rest](model::State& state) {
      model::settle(state);
      if (rest == Rest::jobs_and_requests) model::finish_requests(state);
      return json();
    });
  }
  json execute(const json& request) override {
    const auto meets = [&](const model::State& state) {
      return model::meets_moving_jobs(state, request);
    };
    if (std::any_of(states_.begin(), states_.end(), meets)) {
      return go_on_as(
          [&](const model::State& state) { return model::execute_in_the_midst(state, request); });
    }
    const auto answer = [&](model::State& state) { return model::execute(state, request); };
    return is_query(request) ? look(answer) : in_all(answer);
  }
  std::optional<json> await_event(const std::string& event) override {
    const json found = in_all([&](model::State& state) -> json {
      const std::optional<json> sent = model::await_event(state, event);
      return sent ? *sent : json(nullptr);
    });
    return found.is_null() ? std::nullopt : std::optional(found);
  }
  std::string guest_io(const std::string& node, const std::string& command) override {
    json text =
        in_all([&](model::State& state) { return json(model::guest_io(state, node, command)); });
    return text.is_string() ? std::move(text.get_ref<std::string&>()) : text.dump();
  }

  json create_image(const json& options) override {
    return in_all([&](model::State& state) { return model::create_image(state, options); });
  }
  json add_drive(const json& options) override {
    return in_all([&](model::State& state) { return model::add_drive(state, options); });
  }
  json delete_drive(const std::string& id) override {
    return in_all([&](model::State& state) { return model::delete_drive(state, id); }, Told::yes);
  }
  void run(unsigned) override {}

  void stop(Stop how) override {
    if (how != Stop::clean) return crash();
    const auto quit = [](model::State& state) {
      model::stop(state, model::Stop::clean);
      return json();
    };
    go_on_as([&](const model::State& state) {
      std::vector<model::Outcome> all;
      for (const model::State& each : model::before_stop(state)) {
        for (model::Outcome& outcome : outcomes(each, Told::no, quit))
          all.push_back(std::move(outcome));
      }
      return all;
    });
  }
  void cut_power(const Kept&) override { crash(); }
  /// Where the step was cut it does not matter: the model allows what any place may leave. But
  /// which faults of storage had struck by then it cannot know.
  void cut_short(const Cut&, const std::function<void()>& step) override {
    const std::vector<model::State> before = states_;
    if (std::any_of(before.begin(), before.end(), faulty)) unknown_ = after_fault;
    step();
    if (!unknown_.empty()) return;
    // A step that met jobs at their end has led to more states than there were.
    const bool one_to_one = before.size() == states_.size();
    die([&](std::size_t i) {
      std::vector<model::State> left;
      for (std::size_t k = 0; k < before.size(); ++k) {
        if (one_to_one && k != i) continue;
        for (model::State& state : model::crash(before[k], states_[i]))
          left.push_back(std::move(state));
      }
      return left;
    });
  }

  void fail_storage(const std::string& file, const std::optional<StorageFault>& fault) override {
    leaks_ = true;  // what could not be given back
    const std::string operation = fault ? to_string(fault->operation) : "";
    const model::Fault how =
        fault ? model::Fault{std::strerror(fault->error), fault->once, fault->after == 0}
              : model::Fault{};
    in_all([&](model::State& state) {
      model::fail_storage(state, file, operation, how);
      return json();
    });
  }
  /// Which operation that is, and what a step needs it for, the model cannot know (M54).
  void fail_operation(unsigned number, int) override {
    if (number == 0) return;
    leaks_ = true;  // what could not be given back
    unknown_ = after_fault;
  }
  json find_image(const std::string& file, const foreign::Image& image) override {
    wrong_ |= image.lost > 0;
    return in_all([&](model::State& state) -> json {
      if (model::put_image(state, file, model_image(image))) return {{"return", json::object()}};
      return {{"error", {{"class", "GenericError"}, {"desc", foreign::there_already}}}};
    });
  }
  json damage_image(const std::string& file, const std::string& what) override {
    json reply =
        in_all([&](model::State& state) { return model::damage_image(state, file, what); });
    leaks_ |= what == "autoclear" && !reply.contains("error");  // what lost its owner is leaked
    return reply;
  }

  json image_info(const std::string& file) override {
    return look([&](model::State& state) { return model::image_info(state, file); });
  }
  /// Clusters may be lost in a crash and by faults of storage; corruption is never allowed (S58).
  /// What backs an image is opened for the check, too (M28).
  json image_check(const std::string& file) override {
    if (!unknown_.empty()) {
      const json any = Allowed::any(unknown_);
      const json whole{{"corruptions", wrong_ ? any : json(0)}, {"leaks", Allowed::any("leaks")}};
      return Allowed::one_of({whole, {{"error", {{"class", any}, {"desc", any}}}}});
    }
    return look([&](model::State& state) -> json {
      const json info = model::image_info(state, file, true);
      if (info.contains("error")) return info;
      model::State elsewhere = model::files_to_check(state);
      const json drive{{"id", "check"}, {"file", file}, {"read-only", "on"}};
      const json opened = model::add_drive(elsewhere, drive);
      if (info["format"] != "raw" && opened.contains("error")) return opened;
      if (info["format"] == "raw") {
        return {
            {"error",
             {{"class", "GenericError"}, {"desc", "This image format does not support checks"}}}};
      }
      const model::Image& image = state.files.at(file);
      const json leaks = leaks_ ? Allowed::any("leaks") : json(image.leaks);
      return {{"corruptions", image.wrong}, {"leaks", leaks}};
    });
  }
  json keepsakes(const std::string& file) override {
    return look([&](const model::State& state) -> json {
      const auto found = state.files.find(file);
      const bool is_image = found != state.files.end() && found->second.format == "qcow2";
      if (!is_image) return {{"error", {{"class", "GenericError"}, {"desc", "no qcow2 image"}}}};
      if (found->second.keepsakes.is_null()) return foreign::keepsakes_of({});
      return found->second.keepsakes;
    });
  }
  json dirty_ranges(const std::string& node, const std::string& bitmap) override {
    return look([&](model::State& state) { return model::dirty_ranges(state, node, bitmap); });
  }
  json contents(const std::string& node) override {
    return look([&](model::State& state) { return model::contents(state, node); });
  }

 private:
  static constexpr const char* after_fault = "after a fault of storage (M54)";
  enum class Told { no, yes };  ///< whether a step tells of bitmaps that it could not store

  static bool faulty(const model::State& state) {
    return !state.faults.empty() || !state.unflushable.empty();
  }

  /// Whether the step may have several outcomes: it meets jobs at their end (M58), or opens or
  /// closes images while their storage fails (M65).
  bool may_part(const Step& step) const {
    const model::State& state = states_.front();
    const auto* command = std::get_if<QmpStep>(&step.action);
    if (command != nullptr && model::meets_moving_jobs(state, command->request)) return true;
    const auto* stop = std::get_if<StopStep>(&step.action);
    if (stop != nullptr) return stop->how == Stop::clean;
    const bool drives = std::holds_alternative<DriveStep>(step.action) ||
                        std::holds_alternative<UnplugStep>(step.action);
    return faulty(state) && (drives || command != nullptr);
  }

  /// What the step comes to in that state: one outcome, but where a fault may have struck (M65).
  template <class Answer>
  static std::vector<model::Outcome> outcomes(const model::State& state, Told told,
                                              const Answer& answer) {
    model::State after = state;
    try {
      json reply = answer(after);
      return {{std::move(reply), std::move(after)}};
    } catch (const model::Unknowable&) {
      if (!faulty(state)) throw;
      return model::in_doubt(state, told == Told::yes, answer);
    }
  }

  /// What `answer`, which changes nothing, says in each of the states. Nothing is copied, but where
  /// one of them does not know.
  template <class Answer>
  json look(const Answer& answer) {
    if (destined_ || parted_) return in_all(answer);
    if (!unknown_.empty()) return Allowed::any(unknown_);
    try {
      std::vector<json> answers;
      for (model::State& state : states_) answers.push_back(answer(state));
      return Allowed::one_of(std::move(answers));
    } catch (const model::Unknowable&) {
      return in_all(answer);
    }
  }

  template <class Answer>
  json in_all(const Answer& answer, Told told = Told::no) {
    if (destined_ || states_.size() != 1 || faulty(states_.front())) {
      return go_on_as([&](const model::State& state) { return outcomes(state, told, answer); });
    }
    if (!unknown_.empty()) return Allowed::any(unknown_);
    try {
      return answer(states_.front());
    } catch (const model::Unknowable&) {
      unknown_ = after_fault;
      return Allowed::any(unknown_);
    }
  }

  /// Goes on as all that the step may come to in each state, or as what it is destined to. From
  /// where one of the states cannot be known any more, everything may be answered until the end;
  /// but for images, which are never corrupt.
  template <class Outcomes>
  json go_on_as(const Outcomes& outcomes) {
    if (!unknown_.empty()) return Allowed::any(unknown_);
    std::vector<model::Outcome> all;
    try {
      if (destined_) {
        all.push_back(std::move(*destined_));
      } else {
        for (const model::State& state : states_) {
          for (model::Outcome& each : outcomes(state)) all.push_back(std::move(each));
        }
      }
    } catch (const model::Unknowable&) {
      unknown_ = after_fault;
      return Allowed::any(unknown_);
    }
    destined_.reset();
    return go_on(std::move(all));
  }
  json go_on(std::vector<model::Outcome> all) {
    if (parted_) parted_ = all;
    std::vector<json> answers;
    states_.clear();
    for (model::Outcome& outcome : all) {
      answers.push_back(std::move(outcome.reply));
      states_.push_back(std::move(outcome.state));
    }
    return Allowed::one_of(std::move(answers));
  }

  void crash() {
    die([&](std::size_t i) { return model::crash(states_[i]); });
  }
  /// Goes on as all that `left` leaves of each state.
  template <class Left>
  void die(const Left& left) {
    std::vector<model::State> states;
    try {
      for (std::size_t i = 0; i < states_.size(); ++i) {
        for (model::State& state : left(i)) states.push_back(std::move(state));
      }
    } catch (const model::Unknowable&) {
      unknown_ = "too many worlds";
      return;
    }
    states_ = std::move(states);
    leaks_ = true;
  }

  std::vector<model::State> states_ = std::vector<model::State>(1);
  std::optional<model::Outcome> destined_;  ///< what the next step comes to
  /// What the last step came to; kept in a trial alone.
  std::optional<std::vector<model::Outcome>> parted_;
  bool leaks_ = false;   ///< whether images may leak
  bool wrong_ = false;   ///< whether one came with wrong refcounts
  std::string unknown_;  ///< why nothing is known of the states any more; empty: they are known
};

}  // namespace

std::unique_ptr<Subject> make_model_subject() { return std::make_unique<ModelSubject>(); }

std::unique_ptr<Subject> copy_of_model(const Subject& model) {
  return std::make_unique<ModelSubject>(dynamic_cast<const ModelSubject&>(model));
}

bool learn(Subject& model, const ShowStep& step, const json& seen) {
  return dynamic_cast<ModelSubject&>(model).learn(step, seen);
}

std::vector<std::unique_ptr<Subject>> states_of(const Subject& model) {
  const auto& all = dynamic_cast<const ModelSubject&>(model);
  std::vector<std::unique_ptr<Subject>> result;
  for (std::size_t i = 0; i < all.state_count(); ++i) result.push_back(all.alone(i));
  return result;
}

bool allows_everything(const Subject& model) {
  return dynamic_cast<const ModelSubject&>(model).has_given_up();
}

bool has_one_state(const Subject& model) {
  return dynamic_cast<const ModelSubject&>(model).state_count() == 1;
}

std::vector<std::unique_ptr<Subject>> outcomes_of(const Subject& model, const Step& step) {
  return dynamic_cast<const ModelSubject&>(model).outcomes_of(step);
}

bool same_state(const Subject& one, const Subject& other) {
  return dynamic_cast<const ModelSubject&>(one).same_as(dynamic_cast<const ModelSubject&>(other));
}

}  // namespace sim
