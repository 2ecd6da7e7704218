#include "compare/format.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <ctime>

namespace tessera {

std::string fixed(double value, int decimals) {
  std::array<char, 400> digits{};
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::fixed, decimals);
  return {digits.data(), end.ptr};
}

std::string quantity(double value) {
  const double size = std::abs(value);
  if (size >= 1000) return fixed(value, 0);
  if (size >= 100) return fixed(value, 1);
  if (size >= 1) return fixed(value, 2);
  return fixed(value, size >= 0.1 || size == 0 ? 3 : 4);
}

std::string milliseconds(double value) {
  return quantity(value);
}

std::string short_number(double value) {
  std::array<char, 32> digits{};
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr};
}

std::string percent(double share) {
  const std::string text = fixed(share * 100.0, 1);
  if (share == 1.0) return "100 %";
  return (text == "100.0" ? "99.9" : text) + " %";
}

std::string cosine_text(double cosine) {
  return fixed(std::trunc(cosine * 1e5) / 1e5, 5);
}

std::string sqnr_text(double sqnr_db) {
  return std::isinf(sqnr_db) && sqnr_db > 0 ? "exact" : fixed(sqnr_db, 1) + " dB";
}

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::string escape_xml(std::string_view text) {
  std::string escaped;
  for (const char letter : text) {
    switch (letter) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&quot;"; break;
      case '\'': escaped += "&#39;"; break;
      default:
        if (static_cast<unsigned char>(letter) >= 0x20 || letter == '\n' || letter == '\t') escaped += letter;
    }
  }
  return escaped;
}

std::string printable(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string shown;
  const auto escape = [&](unsigned char byte) { (((shown += "\\x") += digits[byte >> 4U]) += digits[byte & 15U]); };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
    if (byte < 0x20 || byte == 0x7f) {
      escape(byte);
    } else if (byte == 0xc2 && next >= 0x80 && next < 0xa0) {  // U+0080 to U+009F
      escape(byte), escape(static_cast<unsigned char>(next));
      ++i;
    } else {
      shown += text[i];
    }
  }
  return shown;
}

namespace {
bool starts_code_point(char letter) noexcept {
  return (static_cast<unsigned char>(letter) & 0xc0U) != 0x80U;
}
}  // namespace

std::size_t display_width(std::string_view text) noexcept {
  std::size_t width = 0;
  for (const char letter : text) width += starts_code_point(letter) ? 1U : 0U;
  return width;
}

std::string shorten(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  std::size_t kept = 0;
  std::size_t bytes = 0;
  while (bytes < text.size()) {
    if (starts_code_point(text[bytes]) && ++kept == width) break;
    ++bytes;
  }
  return std::string(text.substr(0, bytes)) + "…";
}

}  // namespace tessera
