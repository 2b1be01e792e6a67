// SPDX-License-Identifier: Apache-2.0
#include <alloy/eval/html_report.hpp>
#include <alloy/eval/html_svg.hpp>

#include <charconv>
#include <cmath>

namespace alloy::html {

std::string px(double value) {
  if (!std::isfinite(value)) return "0";
  std::array<char, 400> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed, 1).ptr;
  const std::string text(buffer.data(), end);
  return text == "-0.0" ? "0.0" : text;
}

std::string svg_open(double width, double height, std::string_view title, std::string_view description) {
  return fill("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n<title>{}</title>\n", {px(width), px(height), escape(title), escape(title)}) +
         (description.empty() ? "" : fill("<desc>{}</desc>\n", {escape(description)}));
}

std::string svg_text(double x, double y, std::string_view attributes, std::string_view text) {
  return fill("<text x=\"{}\" y=\"{}\" {}>{}</text>\n", {px(x), px(y), attributes, escape(text)});
}

std::string svg_line(double x1, double y1, double x2, double y2, std::string_view css) {
  return fill("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" class=\"{}\"/>\n", {px(x1), px(y1), px(x2), px(y2), escape(css)});
}

std::string svg_rect(double x, double y, double width, double height, std::string_view css) {
  return fill("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"1.5\" class=\"{}\"/>\n", {px(x), px(y), px(width), px(height), escape(css)});
}

std::string series_class(size_t series) { return "c" + std::to_string(1 + series % 7); }

}  // namespace alloy::html
