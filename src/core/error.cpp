#include "core/error.hpp"

#include <utility>

namespace tessera {

Error::Error(ErrorKind kind, std::string what, std::string why, std::string remedy)
    : std::runtime_error(what + ": " + why + (remedy.empty() ? "" : ": " + remedy)),
      kind_(kind),
      what_(std::move(what)),
      why_(std::move(why)),
      remedy_(std::move(remedy)) {}

Error::~Error() = default;

void fail(std::string what, std::string why, std::string remedy) {
  throw Error(ErrorKind::failed, std::move(what), std::move(why), std::move(remedy));
}

void reject(std::string what, std::string why, std::string remedy) {
  throw Error(ErrorKind::invalid, std::move(what), std::move(why), std::move(remedy));
}

}  // namespace tessera
