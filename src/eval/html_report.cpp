// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/html_report.hpp>

#include "eval/detail/html_style.hpp"

namespace alloy::html {

namespace {

std::string head_cell(const Column& column) {
  return fill("<th scope=\"col\"{}>{}</th>", {column.kind == ColumnKind::number ? " class=\"n\"" : "", column.name});
}

std::string body_cell(const Cell& cell, ColumnKind kind) {
  std::string css = kind == ColumnKind::number ? "n" : "";
  if (!cell.css.empty()) css += (css.empty() ? "" : " ") + escape(cell.css);
  const std::string attribute = css.empty() ? "" : " class=\"" + css + "\"";
  return kind == ColumnKind::row_name ? fill("<th scope=\"row\"{}>{}</th>", {attribute, cell.content}) : fill("<td{}>{}</td>", {attribute, cell.content});
}

std::string_view mark_word(Mark mark) { return mark == Mark::right ? "right" : "wrong"; }

std::string tile(const Tile& t) {
  std::string content, caption;
  if (t.picture.pixels.empty()) {
    content = fill("<p class=\"said\">{}</p>", {t.text.empty() ? kNone : escape(clip(t.text, 400))});
  } else if (const std::string uri = picture_uri(t.picture); uri.empty()) {
    content = fill("<p class=\"said absent\">no picture{}</p>", {t.text.empty() ? "" : ": " + escape(clip(t.text, 400))});
  } else {
    content = fill("<img src=\"{}\" alt=\"{}\">", {uri, escape(t.text.empty() ? t.caption : t.text)});
  }
  if (t.mark != Mark::none)
    caption = fill("<span class=\"mark {}\">{}<span class=\"unseen\">{}</span></span> ", {mark_word(t.mark), t.mark == Mark::right ? "✓" : "✗", mark_word(t.mark)});
  caption += escape(t.caption);
  return fill("<figure class=\"tile{}\">{}{}</figure>",
              {t.mark == Mark::none ? "" : " " + std::string(mark_word(t.mark)), content, caption.empty() ? "" : "<figcaption>" + caption + "</figcaption>"});
}

}  // namespace

// The policy lets nothing but what is inside the page be shown, should markup from outside ever slip in.
std::string page(const Page& page) {
  return fill("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
              "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
              "<meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n<style>{}{}</style>\n</head>\n<body>\n<main>\n{}</main>\n</body>\n</html>\n",
              {escape(page.title), detail::html_style_sheet(), page.style, page.body});
}

std::string section(std::string_view id, std::string_view heading, std::string_view body) {
  return fill("<section id=\"{}\">\n<h2>{}</h2>\n{}</section>\n", {escape(id), escape(heading), body});
}

std::string details(std::string_view summary, std::string_view body) {
  return fill("<details>\n<summary>{}</summary>\n{}</details>\n", {escape(summary), body});
}

std::string table(const Table& table) {
  std::string head, rows;
  for (const Column& column : table.columns) head += head_cell(column);
  for (const auto& row : table.rows) {
    check<ShapeError>(row.size() == table.columns.size(), "[html::table] expected rows of {} cells, got one of {}", {table.columns.size(), row.size()});
    rows += "<tr>";
    for (size_t i = 0; i < row.size(); ++i) rows += body_cell(row[i], table.columns[i].kind);
    rows += "</tr>\n";
  }
  return fill("<div class=\"scroll\"><table>\n<caption class=\"unseen\">{}</caption>\n<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody></table></div>\n",
              {escape(table.caption), head, rows});
}

std::string gallery(const std::vector<GalleryRow>& rows) {
  std::string out = "<div class=\"gallery\">\n";
  for (const GalleryRow& row : rows) {
    out += fill("<article class=\"asked\">\n<h3>{}</h3>\n<div class=\"query\">{}</div>\n<ol class=\"answers\">\n", {escape(row.heading), tile(row.query)});
    for (const Tile& result : row.results) out += "<li>" + tile(result) + "</li>\n";
    out += row.results.empty() ? "<li><p class=\"note\">Nothing was found.</p></li>\n</ol>\n</article>\n" : "</ol>\n</article>\n";
  }
  return out + "</div>\n";
}

}  // namespace alloy::html
