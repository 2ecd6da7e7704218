#include "c_api/guard.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <string>

#include "core/error.hpp"

namespace tessera {
namespace {

struct LastError {
  std::string what, why, remedy, message;
};

thread_local LastError last_error;

constexpr const char* no_text = "out of memory";

/// Of a moment in which there may be no memory for the words either.
void keep(const char* what, const char* why, const char* remedy, const char* message) noexcept {
  try {
    last_error = {what, why, remedy, message};
  } catch (...) {
    last_error = {};  // short strings need no memory
    last_error.what = "memory";
    last_error.why = last_error.message = no_text;
  }
}

}  // namespace

tessera_status remember(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const Error& e) {
    keep(e.subject().c_str(), e.why().c_str(), e.remedy().c_str(), e.what());
    return static_cast<tessera_status>(e.kind());
  } catch (const std::bad_alloc&) {
    keep("memory", no_text, "use a smaller batch", "memory: out of memory: use a smaller batch");
  } catch (const std::exception& e) {
    keep("tessera", e.what(), "", e.what());
  } catch (...) {
    keep("tessera", "unknown failure", "", "tessera: unknown failure");
  }
  return TESSERA_FAILED;
}

void require(const void* pointer, const char* name) {
  if (pointer == nullptr) reject(std::string("argument ") + name, "is NULL", "pass what the header asks for");
}

void require_index(std::size_t index, std::size_t count, const char* what) {
  if (index >= count)
    reject(std::string(what) + " number " + std::to_string(index), "there are only " + std::to_string(count));
}

void copy_options(void* target, std::size_t known, const void* source, std::size_t least, const char* name) {
  std::size_t given = 0;
  std::memcpy(&given, source, sizeof given);
  if (given < least)
    reject(std::string(name) + ".struct_size", std::to_string(given) + " is too small",
           "set it to the sizeof of the struct");
  const auto* bytes = static_cast<const unsigned char*>(source);
  if (given > known && std::any_of(bytes + known, bytes + given, [](unsigned char byte) { return byte != 0; }))
    reject(name, "sets options that this version of the library does not know",
           "use the library that the header belongs to, or a newer one");
  std::memcpy(target, source, std::min(given, known));
}

}  // namespace tessera

extern "C" {

const char* tessera_version(void) {
  return TESSERA_VERSION;
}
const char* tessera_error_what(void) {
  return tessera::last_error.what.c_str();
}
const char* tessera_error_why(void) {
  return tessera::last_error.why.c_str();
}
const char* tessera_error_remedy(void) {
  return tessera::last_error.remedy.c_str();
}
const char* tessera_error_message(void) {
  return tessera::last_error.message.c_str();
}

}  // extern "C"
