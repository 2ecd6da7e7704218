// What standard output and standard error are connected to, and a progress line for those who can see one.
#pragma once

#include <string>
#include <string_view>

namespace tessera::tool {

struct Terminal {
  bool stdout_is_terminal = false;
  bool stderr_is_terminal = false;
  bool colour = false;   ///< of standard output: a terminal, and neither NO_COLOR nor TERM=dumb
  bool unicode = false;  ///< the locale's character set is UTF-8
  int width = 100;       ///< columns, 60..100
};

/// What the environment says; empty where it does not.
std::string environment(const char* name);

/// Asks the system and the environment.
Terminal detect_terminal();

/// One line on standard error that is rewritten in place: what is going on, a bar, the time left. Silent unless
/// `visible`.
class ProgressLine {
 public:
  ProgressLine(const Terminal& terminal, bool visible);
  ~ProgressLine();  ///< leaves an empty line behind
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// A new activity without a known length.
  void stage(const std::string& activity);
  /// How far the activity is, 0..1. Redraws at most ten times a second.
  void update(double fraction);

 private:
  void draw(const std::string& line);

  bool visible_;
  bool unicode_;
  int width_;
  std::string activity_;
  double begun_ = 0, drawn_ = 0;
};

/// "0:42", "12:05", "1:02:10".
std::string clock_text(double seconds);

/// `note` lines for people go to standard error: "tessera: note: ...".
void print_note(std::string_view note);

}  // namespace tessera::tool
