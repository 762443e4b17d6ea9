// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>

#include "model/model.h"
#include "sim/subjects.h"

namespace sim {

using nlohmann::json;

namespace {

/// The model as a subject. It has no files and no bytes, so it needs no translation of names.
class ModelSubject : public Subject {
 public:
  std::string_view name() const override { return "model"; }

  void come_to(Rest rest) override {
    if (rest != Rest::none) model::settle(state_);
  }
  json execute(const json& request) override { return model::execute(state_, request); }
  std::optional<json> await_event(const std::string& event) override {
    return model::await_event(state_, event);
  }
  std::string guest_io(const std::string& node, const std::string& command) override {
    return model::guest_io(state_, node, command);
  }

  json create_image(const json& options) override { return model::create_image(state_, options); }
  json add_drive(const json& options) override { return model::add_drive(state_, options); }
  json delete_drive(const std::string& id) override { return model::delete_drive(state_, id); }
  void run(unsigned) override {}
  void stop(Stop how) override {
    if (how == Stop::power) throw SubjectFailure("the model knows no power cuts yet");
    crashed_ |= how == Stop::kill;
    model::stop(state_, how == Stop::clean ? model::Stop::clean : model::Stop::kill);
  }

  void damage_image(const std::string& file, const std::string& what) override {
    const json info = image_info(file);
    const bool broken = info.contains("error");
    if (!broken && info["bitmaps"].empty()) throw SubjectFailure("no bitmaps to damage");
    model::damage_image(state_, file, what);
    crashed_ |= what == "autoclear";  // what lost its owner is leaked
  }

  json image_info(const std::string& file) override { return model::image_info(state_, file); }
  /// Clusters may be lost in a crash and in nothing else; corruption is never allowed (S58).
  json image_check(const std::string& file) override {
    const json info = image_info(file);
    if (info.contains("error")) return info;
    if (info["format"] == "raw") {
      return {{"error",
               {{"class", "GenericError"}, {"desc", "This image format does not support checks"}}}};
    }
    return {{"corruptions", 0}, {"leaks", crashed_ ? json{{"$any", true}} : json(0)}};
  }
  json dirty_ranges(const std::string& node, const std::string& bitmap) override {
    return model::dirty_ranges(state_, node, bitmap);
  }
  json contents(const std::string& node) override { return model::contents(state_, node); }

 private:
  model::State state_;
  bool crashed_ = false;
};

}  // namespace

std::unique_ptr<Subject> make_model_subject() { return std::make_unique<ModelSubject>(); }

}  // namespace sim
