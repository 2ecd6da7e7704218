// Numbers and text as the reports write them: the same digits in the terminal, the CSV file, the page and the charts,
// in any locale.
#pragma once

#include <string>
#include <string_view>

namespace tessera {

/// "12.50" for fixed(12.5, 2); "inf" and "-inf" where there is no number.
std::string fixed(double value, int decimals);
/// Four significant digits at most, as a person reads times: "0.0421", "7.42", "68.31", "1204".
std::string milliseconds(double value);
/// The same digits for anything positive (rates, MB).
std::string quantity(double value);
/// As a person would have typed it: "120", "0.5".
std::string short_number(double value);
/// "99.2 %" for 0.992; "100 %" only when it is exactly 1.
std::string percent(double share);
/// "0.99871"; rounds towards 0, so that 1.00000 stays what it says.
std::string cosine_text(double cosine);
/// "42.1 dB"; "exact" for equal outputs.
std::string sqnr_text(double sqnr_db);

/// The time now: "2026-01-31T12:00:00Z".
std::string utc_now();

/// The text with & < > " ' written as entities and control characters left out.
std::string escape_xml(std::string_view text);

/// Control characters written as "\x1b" and the like, since names and messages hold what files put there, and a
/// terminal obeys some of it. Line breaks too.
std::string printable(std::string_view text);

/// Characters a terminal would show (UTF-8 code points).
std::size_t display_width(std::string_view text) noexcept;
/// The first `width` code points, the last one replaced by an ellipsis when something was cut.
std::string shorten(std::string_view text, std::size_t width);

}  // namespace tessera
