// The one exception type of the library. Its parts become the one line that the command line prints:
//   tessera: <what>: <why>: <what to do>
#pragma once

#include <stdexcept>
#include <string>

#include "tessera/export.h"

namespace tessera {

/// What kind of "no" this is; the values are the exit status of the command line.
enum class ErrorKind {
  failed = 1,       ///< the work failed (disk full, peer missing, out of memory)
  invalid = 2,      ///< the words or the input were wrong (bad option, broken file, wrong shape)
  unavailable = 3,  ///< what was asked for does not exist on this machine (an ISA under --strict)
};

class TESSERA_API Error : public std::runtime_error {
 public:
  /// `what` names the thing (a file, an option, a node), `why` the reason, `remedy` what to do about it (may be empty).
  Error(ErrorKind kind, std::string what, std::string why, std::string remedy = {});
  ~Error() override;
  Error(const Error&) = default;
  Error& operator=(const Error&) = default;

  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }
  [[nodiscard]] const std::string& subject() const noexcept { return what_; }
  [[nodiscard]] const std::string& why() const noexcept { return why_; }
  [[nodiscard]] const std::string& remedy() const noexcept { return remedy_; }

 private:
  ErrorKind kind_;
  std::string what_, why_, remedy_;
};

}  // namespace tessera
