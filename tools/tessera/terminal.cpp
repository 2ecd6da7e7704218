#include "terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "compare/format.hpp"
#include "core/clock.hpp"

namespace tessera::tool {
namespace {

constexpr int narrowest = 60, widest = 100;
constexpr double redraw_seconds = 0.1;
// The first samples say little about the speed of the rest.
constexpr double eta_after_seconds = 1.0;

/// The first of the locale variables that is set decides, as in setlocale.
bool locale_is_utf8() {
  std::string locale;
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (locale.empty()) locale = environment(name);
  std::transform(locale.begin(), locale.end(), locale.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
}

int columns() {
  for (const int descriptor : {STDOUT_FILENO, STDERR_FILENO}) {
    winsize size{};
    if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  }
  const int given = std::atoi(environment("COLUMNS").c_str());
  return given > 0 ? given : widest;
}

std::string bar_text(double fraction, int cells, bool unicode) {
  if (!unicode) {
    const int full = static_cast<int>(std::lround(fraction * cells));
    return "[" + std::string(static_cast<std::size_t>(full), '#') +
           std::string(static_cast<std::size_t>(cells - full), '.') + "]";
  }
  constexpr std::array<std::string_view, 8> parts = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int eighths = static_cast<int>(std::lround(fraction * cells * 8));
  std::string bar;
  for (int i = 0; i < eighths / 8; ++i) bar += "█";
  bar += parts[static_cast<std::size_t>(eighths % 8)];
  const auto used = static_cast<int>(display_width(bar));
  for (int i = used; i < cells; ++i) bar += "░";
  return bar;
}

}  // namespace

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

Terminal detect_terminal() {
  Terminal terminal;
  terminal.stdout_is_terminal = ::isatty(STDOUT_FILENO) == 1;
  terminal.stderr_is_terminal = ::isatty(STDERR_FILENO) == 1;
  terminal.colour = terminal.stdout_is_terminal && environment("NO_COLOR").empty() && environment("TERM") != "dumb";
  terminal.unicode = locale_is_utf8();
  terminal.width = std::clamp(columns(), narrowest, widest);
  return terminal;
}

ProgressLine::ProgressLine(const Terminal& terminal, bool visible)
    : visible_(visible && terminal.stderr_is_terminal && environment("TERM") != "dumb"),
      unicode_(terminal.unicode),
      width_(terminal.width) {}

ProgressLine::~ProgressLine() {
  if (visible_) std::fputs("\r\x1b[K", stderr);
}

void ProgressLine::stage(const std::string& activity) {
  activity_ = printable(activity);
  begun_ = seconds_now();
  drawn_ = 0;
  draw(activity_ + (unicode_ ? " …" : " ..."));
}

void ProgressLine::update(double fraction) {
  if (!visible_) return;
  const double time = seconds_now();
  if (time - drawn_ < redraw_seconds) return;
  drawn_ = time;
  fraction = std::clamp(fraction, 0.0, 1.0);
  std::string tail = " " + std::to_string(static_cast<int>(fraction * 100)) + " %";
  const double elapsed = time - begun_;
  if (elapsed > eta_after_seconds && fraction > 0)
    tail += ", " + clock_text(elapsed * (1 - fraction) / fraction) + " left";
  const int cells = std::clamp(width_ - static_cast<int>(display_width(activity_)) - 24, 8, 32);
  draw(activity_ + " " + bar_text(fraction, cells, unicode_) + tail);
}

void ProgressLine::draw(const std::string& line) {
  if (!visible_) return;
  const std::string shown = shorten(line, static_cast<std::size_t>(width_ - 1));
  std::fprintf(stderr, "\r%s\x1b[K", shown.c_str());
  std::fflush(stderr);
}

std::string clock_text(double seconds) {
  const auto whole = static_cast<long>(std::ceil(std::clamp(seconds, 0.0, 359999.0)));
  std::array<char, 32> text{};
  if (whole >= 3600)
    std::snprintf(text.data(), text.size(), "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
  else
    std::snprintf(text.data(), text.size(), "%ld:%02ld", whole / 60, whole % 60);
  return text.data();
}

void print_note(std::string_view note) {
  std::fprintf(stderr, "tessera: note: %s\n", printable(note).c_str());
}

}  // namespace tessera::tool
