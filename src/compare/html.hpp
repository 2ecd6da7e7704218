// The pieces that report pages are made of.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::html {

/// What stands where there is no figure.
inline constexpr std::string_view nothing = "–";

/// `content` is markup.
std::string element(std::string_view tag, std::string_view content, std::string_view css = {});

/// A figure in large letters over the words for it, which are markup.
std::string tile(const std::string& figure, std::string_view words);

/// A row of a list of facts.
std::string fact(std::string_view name, const std::string& value);

/// A cell of a table: a figure, a detail in small letters below it, and what the table is sorted by where that is not
/// the text. `label` is the title of the column, for screens on which a row is a list.
struct Cell {
  std::string_view label;
  std::string figure;
  std::string detail = {};
  std::optional<double> key = {};
  bool words = false;  ///< text, which may be broken
};
std::string cell(const Cell& cell);

struct Column {
  std::string_view title;
  bool words = false;  ///< of text; figures stand on the right
};
/// The head of a table that is sorted by a click on a title.
std::string sortable_head(const std::vector<Column>& columns);

/// "2026-01-31 12:00 UTC" for "2026-01-31T12:00:00Z"; any other form as it is.
std::string readable_time(const std::string& created);

/// Everything before and behind the content of a page: style and script inside. `origin` stands under the heading.
std::string page(std::string_view title, std::string_view origin, std::string_view content);

}  // namespace tessera::html
