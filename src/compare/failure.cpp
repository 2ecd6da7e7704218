#include "compare/failure.hpp"

#include <new>

namespace tessera {

std::optional<Error> failure_of(const std::string& subject, const std::function<void()>& work) {
  try {
    work();
    return std::nullopt;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return Error(ErrorKind::failed, subject, "there is not enough memory",
                 "use a smaller batch, sequence or image, or give it more memory");
  }
}

}  // namespace tessera
