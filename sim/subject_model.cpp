// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "engine/check.h"
#include "model/model.h"
#include "sim/fault.h"
#include "sim/join.h"
#include "sim/subjects.h"

namespace sim {

using nlohmann::json;

namespace {

/// The model as a subject. It has no files and no bytes, so it needs no translation of names. After
/// a crash that may have left one of several states it goes on as all of them.
class ModelSubject : public Subject {
 public:
  std::string_view name() const override { return "model"; }

  void come_to(Rest rest) override {
    if (rest == Rest::none) return;
    in_all([](model::State& state) {
      model::settle(state);
      return json();
    });
  }
  json execute(const json& request) override {
    return in_all([&](model::State& state) { return model::execute(state, request); });
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
    return in_all([&](model::State& state) { return model::delete_drive(state, id); });
  }
  void run(unsigned) override {}

  void stop(Stop how) override {
    if (how != Stop::clean) return crash();
    in_all([](model::State& state) {
      model::stop(state, model::Stop::clean);
      return json();
    });
  }
  void cut_power(const Kept&) override { crash(); }
  /// Where the step was cut it does not matter: the model allows what any place may leave. But
  /// which faults of storage had struck by then it cannot know.
  void cut_short(const Cut&, const std::function<void()>& step) override {
    const std::vector<model::State> before = states_;
    lost_ |= std::any_of(before.begin(), before.end(), [](const model::State& state) {
      return !state.faults.empty() || !state.unflushable.empty();
    });
    step();
    if (lost_) return;
    INVARIANT(before.size() == states_.size());
    std::vector<model::State> left;
    for (std::size_t i = 0; i < before.size(); ++i) add(left, model::crash(before[i], states_[i]));
    states_ = std::move(left);
    leaks_ = true;
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
  json damage_image(const std::string& file, const std::string& what) override {
    json reply =
        in_all([&](model::State& state) { return model::damage_image(state, file, what); });
    leaks_ |= what == "autoclear" && !reply.contains("error");  // what lost its owner is leaked
    return reply;
  }

  json image_info(const std::string& file) override {
    return in_all([&](model::State& state) { return model::image_info(state, file); });
  }
  /// Clusters may be lost in a crash and by faults of storage; corruption is never allowed (S58).
  /// What backs an image is opened for the check, too (M28).
  json image_check(const std::string& file) override {
    const json whole{{"corruptions", 0}, {"leaks", leaks_ ? anything() : json(0)}};
    if (lost_)
      return {{"$one-of", {whole, {{"error", {{"class", anything()}, {"desc", anything()}}}}}}};
    return in_all([&](model::State& state) -> json {
      const json info = model::image_info(state, file);
      if (info.contains("error")) return info;
      model::State elsewhere;
      elsewhere.files = state.files;
      elsewhere.unreadable = model::unreadable(state);
      const json drive{{"id", "check"}, {"file", file}, {"read-only", "on"}};
      const json opened = model::add_drive(elsewhere, drive);
      if (info["format"] != "raw" && opened.contains("error")) return opened;
      if (info["format"] == "raw") {
        return {
            {"error",
             {{"class", "GenericError"}, {"desc", "This image format does not support checks"}}}};
      }
      return whole;
    });
  }
  json dirty_ranges(const std::string& node, const std::string& bitmap) override {
    return in_all([&](model::State& state) { return model::dirty_ranges(state, node, bitmap); });
  }
  json contents(const std::string& node) override {
    if (lost_) return anything();
    std::vector<json> answers;
    for (const model::State& state : states_) answers.push_back(model::contents(state, node));
    return joined_data(answers);
  }

 private:
  static json anything() { return {{"$any", true}}; }

  /// From where one of the states cannot be known any more, everything may be answered until the
  /// end; but for images, which are never corrupt.
  template <class Answer>
  json in_all(const Answer& answer) {
    if (lost_) return anything();
    std::vector<json> answers;
    try {
      if (states_.size() == 1) return answer(states_.front());
      for (model::State& state : states_) answers.push_back(answer(state));
    } catch (const model::Unknowable&) {
      lost_ = true;
      return anything();
    }
    return joined(answers);
  }

  void crash() {
    std::vector<model::State> left;
    for (const model::State& state : states_) add(left, model::crash(state));
    states_ = std::move(left);
    leaks_ = true;
  }
  static void add(std::vector<model::State>& states, std::vector<model::State> more) {
    for (model::State& state : more) states.push_back(std::move(state));
  }

  std::vector<model::State> states_ = std::vector<model::State>(1);
  bool leaks_ = false;  ///< whether images may leak
  bool lost_ = false;
};

}  // namespace

std::unique_ptr<Subject> make_model_subject() { return std::make_unique<ModelSubject>(); }

std::unique_ptr<Subject> copy_of_model(const Subject& model) {
  return std::make_unique<ModelSubject>(dynamic_cast<const ModelSubject&>(model));
}

}  // namespace sim
