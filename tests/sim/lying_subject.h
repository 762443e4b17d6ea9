// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "sim/subjects.h"

/// A model that lies: whatever it answers passes through `lie`, which may change it.
class LyingSubject : public sim::Subject {
 public:
  /// Told the kind of answer ("execute", "dirty", "data", "io", …), changes the answer.
  using Lie = std::function<void(const std::string& kind, nlohmann::json& answer)>;

  LyingSubject(std::string name, Lie lie)
      : name_(std::move(name)), lie_(std::move(lie)), truth_(sim::make_model_subject()) {}

  std::string_view name() const override { return name_; }
  nlohmann::json execute(const nlohmann::json& request) override {
    return told("execute", truth_->execute(request));
  }
  std::optional<nlohmann::json> await_event(const std::string& event) override {
    const auto answer = truth_->await_event(event);
    return answer ? std::optional(told("event", *answer)) : std::nullopt;
  }
  std::string guest_io(const std::string& node, const std::string& command) override {
    return told("io", truth_->guest_io(node, command)).get<std::string>();
  }
  nlohmann::json create_image(const nlohmann::json& options) override {
    return told("create", truth_->create_image(options));
  }
  nlohmann::json add_drive(const nlohmann::json& options) override {
    return told("drive", truth_->add_drive(options));
  }
  nlohmann::json delete_drive(const std::string& id) override {
    return told("unplug", truth_->delete_drive(id));
  }
  void run(unsigned events) override { truth_->run(events); }
  void stop(sim::Stop how) override { truth_->stop(how); }
  void cut_power(const sim::Kept& kept) override { truth_->cut_power(kept); }
  void fail_storage(const std::string& file,
                    const std::optional<sim::StorageFault>& fault) override {
    truth_->fail_storage(file, fault);
  }
  nlohmann::json find_image(const std::string& file, const sim::foreign::Image& image) override {
    return truth_->find_image(file, image);
  }
  nlohmann::json keepsakes(const std::string& file) override { return truth_->keepsakes(file); }
  nlohmann::json damage_image(const std::string& file, const std::string& what) override {
    return truth_->damage_image(file, what);
  }
  nlohmann::json image_info(const std::string& file) override {
    return told("info", truth_->image_info(file));
  }
  nlohmann::json image_check(const std::string& file) override {
    return told("check", truth_->image_check(file));
  }
  nlohmann::json dirty_ranges(const std::string& node, const std::string& bitmap) override {
    return told("dirty", truth_->dirty_ranges(node, bitmap));
  }
  nlohmann::json contents(const std::string& node) override {
    return told("data", truth_->contents(node));
  }

 private:
  nlohmann::json told(const std::string& kind, nlohmann::json answer) {
    lie_(kind, answer);
    return answer;
  }

  std::string name_;
  Lie lie_;
  std::unique_ptr<sim::Subject> truth_;
};
