#include "compare/html.hpp"

#include <cmath>

#include "compare/format.hpp"
#include "compare/html_style.hpp"

namespace tessera::html {

std::string element(std::string_view tag, std::string_view content, std::string_view css) {
  std::string opening = "<" + std::string(tag);
  if (!css.empty()) opening += " class=\"" + std::string(css) + "\"";
  return opening + ">" + std::string(content) + "</" + std::string(tag) + ">";
}

std::string tile(const std::string& figure, std::string_view words) {
  return element("div", element("b", escape_xml(figure)) + element("span", words), "tile");
}

std::string fact(std::string_view name, const std::string& value) {
  return element("dt", name) + element("dd", escape_xml(value)) + "\n";
}

std::string cell(const Cell& cell) {
  std::string html = "<td data-label=\"" + escape_xml(cell.label) + "\"";
  if (cell.words) html += " class=\"words\"";
  if (cell.key) html += " data-key=\"" + (std::isinf(*cell.key) ? "Infinity" : short_number(*cell.key)) + "\"";
  html += ">" + element("span", escape_xml(cell.figure));
  if (!cell.detail.empty()) html += element("small", escape_xml(cell.detail));
  return html + "</td>";
}

std::string sortable_head(const std::vector<Column>& columns) {
  std::string cells;
  for (const Column& column : columns)
    cells += "<th scope=\"col\"" + std::string(column.words ? " class=\"words\"" : "") + ">" +
             escape_xml(column.title) + "</th>";
  return "<thead><tr>" + cells + "</tr></thead>";
}

std::string readable_time(const std::string& created) {
  if (created.size() != 20 || created[10] != 'T' || created.back() != 'Z') return created;
  return created.substr(0, 10) + " " + created.substr(11, 5) + " UTC";
}

std::string page(std::string_view title, std::string_view origin, std::string_view content) {
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n";
  html += element("title", escape_xml(title)) + "\n<style>" + std::string(html_style) + "</style>\n</head>\n<body>\n";
  html += "<main>\n<header>\n" + element("h1", escape_xml(title)) + element("p", escape_xml(origin), "origin");
  html += "\n</header>\n" + std::string(content) + "</main>\n<script>" + std::string(html_script) + "</script>\n";
  return html + "</body>\n</html>\n";
}

}  // namespace tessera::html
