#include "progress.hpp"

#include <utility>

#include "arrays.hpp"
#include "bindings.hpp"

namespace tessera::python {
namespace {

constexpr std::chrono::milliseconds between_calls{50};

}  // namespace

Progress::Progress(nb::object function) : function_(shared(std::move(function))) {}

void Progress::operator()(std::string_view activity, std::optional<double> fraction) {
  const Clock::time_point now = Clock::now();
  if (activity == activity_ && now - told_ < between_calls) return;
  activity_ = activity;
  told_ = now;
  const nb::gil_scoped_acquire gil;
  if (PyErr_CheckSignals() != 0) throw nb::python_error();
  const nb::handle function(function_.get());
  if (function.is_none()) return;
  function(activity_, fraction ? nb::object(nb::float_(*fraction)) : nb::object(nb::none()));
}

}  // namespace tessera::python
