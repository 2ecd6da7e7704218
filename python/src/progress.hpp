// Progress of long calls that have released the GIL: a Python function is told, and Ctrl-C is heard.
#pragma once

#include <nanobind/nanobind.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tessera::python {

class Progress {
 public:
  /// `function(activity: str, fraction: float | None)`, or None.
  explicit Progress(nanobind::object function);

  /// `fraction` 0..1; nothing: not known. Calls Python at most twenty times a second unless the activity is another
  /// one. Throws what the function raised, and KeyboardInterrupt.
  void operator()(std::string_view activity, std::optional<double> fraction);

 private:
  using Clock = std::chrono::steady_clock;

  std::shared_ptr<PyObject> function_;
  std::string activity_;
  Clock::time_point told_{};
};

}  // namespace tessera::python
