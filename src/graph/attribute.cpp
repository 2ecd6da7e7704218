#include "graph/attribute.hpp"

#include <array>
#include <charconv>
#include <string_view>
#include <type_traits>

namespace tessera {

namespace {

constexpr std::size_t max_listed = 8;

std::string text_of(std::int64_t number) {
  return std::to_string(number);
}

/// The shortest text that reads back as the same float.
std::string text_of(float number) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
  return {text.data(), end};
}

template <typename T>
std::string list(const std::vector<T>& elements) {
  std::string text = "[";
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (i != 0) text += ", ";
    if (i == max_listed) return text + "... " + std::to_string(elements.size()) + " in all]";
    text += text_of(elements[i]);
  }
  return text + "]";
}

}  // namespace

std::string to_string(const Attribute& attribute) {
  return std::visit(
      [](const auto& held) -> std::string {
        using Held = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<Held, std::string>)
          return "\"" + held + "\"";
        else if constexpr (std::is_same_v<Held, Tensor>)
          return std::string(name_of(held.type())) + to_string(held.shape());
        else if constexpr (std::is_arithmetic_v<Held>)
          return text_of(held);
        else
          return list(held);
      },
      attribute);
}

}  // namespace tessera
