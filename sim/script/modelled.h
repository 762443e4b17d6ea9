// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What of QEMU there is in the model and in the engine. A scenario reaches nothing else: a real
/// QEMU would obey it, and the others could not say what is right.
namespace sim::script {

/// A command of QMP, a driver of blockdev-add, or a command of qemu-io.
struct Form {
  std::string_view name;
  /// Arguments parted by blanks, `[name]` if it may be left out, a type other than string behind a
  /// colon. Of a driver its options, of a qemu-io command the letters of its options.
  std::string_view arguments;
  std::string_view elsewhere = "";  ///< what QEMU has besides (7.2, 10.0 or 11.1)
};

/// An argument taken out of Form::arguments.
struct Parameter {
  std::string name, type;
  bool optional = false;
};

std::span<const Form> modelled_commands();
/// The first, without a name, holds what all drivers take.
std::span<const Form> modelled_drivers();
std::span<const Form> modelled_io();
/// Formats of images, for create, drive and blockdev-snapshot-sync.
std::span<const std::string_view> modelled_formats();
/// What a scenario may wait for.
std::span<const std::string_view> modelled_events();
std::vector<Parameter> parameters_of(std::string_view arguments);

/// Names, parted by blanks, that some QEMU has and we do not.
std::string_view unmodelled_commands();
std::string_view unmodelled_drivers();
std::string_view unmodelled_io();
std::string_view unmodelled_events();

/// What a request asks for that some QEMU has and we do not: "command 'migrate'". Empty if there is
/// nothing of that kind; what no QEMU has is an ordinary refusal.
std::string unmodelled_in(const nlohmann::json& request);
/// The same of a line for qemu-io, whose options have to be among ours in any case.
std::string unmodelled_in_io(std::string_view line);
/// The same of the name of an image's format.
std::string unmodelled_format(std::string_view format);
/// The same of the name of an event.
std::string unmodelled_event(std::string_view event);

/// All that is modelled, for humans.
std::string modelled_text();

}  // namespace sim::script
