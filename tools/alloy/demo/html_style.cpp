// SPDX-License-Identifier: Apache-2.0
#include "html_parts.hpp"

namespace alloy::demo::html {

std::string_view style_sheet() {
  return R"css(
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1b2026; --muted: #5a646f; --line: #dfe4e9; --panel: #f6f8fa; --link: #1f62ad;
  --single: #858f9b; --early: #2f74c0; --hybrid: #17896d; --late: #d27d1d; --other: #8a63b5;
  --good: #146c43; --bad: #b02a37; --heat: 47 116 192; --heat-most: .58;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --ink: #e5e8eb; --muted: #9ba5b0; --line: #2c333b; --panel: #1b2026; --link: #7fb4ef;
    --single: #8d97a3; --early: #5397e3; --hybrid: #33a886; --late: #de9440; --other: #a884d0;
    --good: #5cc592; --bad: #f08a93; --heat: 83 151 227; --heat-most: .55;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.55 system-ui, -apple-system, "Segoe UI", "Liberation Sans", Arial, sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 48px 20px 72px; }
h1 { font-size: 30px; line-height: 1.2; font-weight: 650; margin: 0 0 14px; letter-spacing: -.01em; }
h2 { font-size: 21px; line-height: 1.3; font-weight: 650; margin: 64px 0 10px; padding-top: 18px; border-top: 1px solid var(--line); }
h3 { font-size: 16px; font-weight: 650; margin: 36px 0 6px; }
p { margin: 0 0 12px; max-width: 76ch; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
code, pre, .typed { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; font-size: .9em; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: 12px 14px; overflow-x: auto; line-height: 1.45; font-size: 12.5px; }
.note { color: var(--muted); font-size: 13.5px; }
.facts { display: flex; flex-wrap: wrap; gap: 4px 28px; margin: 16px 0 0; padding: 0; color: var(--muted); font-size: 13.5px; list-style: none; }
.facts b { color: var(--ink); font-weight: 600; }
nav { margin: 14px 0 0; font-size: 13.5px; display: flex; flex-wrap: wrap; gap: 2px 18px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.headline { display: grid; grid-template-columns: repeat(auto-fit, minmax(270px, 1fr)); gap: 16px; margin: 28px 0 0; }
.headline section { border: 1px solid var(--line); border-radius: 8px; padding: 14px 18px; display: flex; flex-direction: column; }
.headline h3 { margin: 0; }
.headline p { margin: 0; font-size: 13.5px; color: var(--muted); }
.headline .figure { color: var(--ink); font-size: 34px; line-height: 1.25; font-weight: 600; letter-spacing: -.02em; margin-top: auto; padding-top: 10px; font-variant-numeric: tabular-nums; }
.headline .figure small { font-size: 17px; font-weight: 500; color: var(--muted); letter-spacing: 0; }
.headline .detail { border-top: 1px solid var(--line); margin-top: 10px; padding-top: 8px; }
.headline b { color: var(--ink); font-weight: 600; }

.scroll { overflow-x: auto; margin: 14px 0 6px; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; line-height: 1.4; }
caption { text-align: left; color: var(--muted); padding: 0 0 8px; }
th, td { padding: 5px 10px; border-bottom: 1px solid var(--line); text-align: left; vertical-align: baseline; }
th { font-weight: 500; }
thead th { color: var(--muted); font-size: 12.5px; border-bottom-color: var(--muted); vertical-align: bottom; }
td.stage { white-space: nowrap; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td .interval { color: var(--muted); font-size: 12px; margin-left: 6px; }
td.best { font-weight: 700; }
td.best .interval { font-weight: 400; }
th:first-child, td:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
.mark { white-space: nowrap; font-weight: 600; }
.met, .right { color: var(--good); }
.missed, .wrong { color: var(--bad); }
.reason { color: var(--muted); display: block; font-size: 13px; max-width: 76ch; }
.dot { display: inline-block; width: 9px; height: 9px; border-radius: 2px; margin-right: 7px; background: var(--other); print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.dot.single { background: var(--single); } .dot.early { background: var(--early); } .dot.hybrid { background: var(--hybrid); } .dot.late { background: var(--late); }

table.heat { border-collapse: separate; border-spacing: 2px; }
table.heat th, table.heat td { border: 0; padding: 4px 5px; }
table.heat td { text-align: center; font-variant-numeric: tabular-nums; border-radius: 3px;
  background: rgb(var(--heat) / calc(var(--h, 0) * var(--heat-most))); print-color-adjust: exact; -webkit-print-color-adjust: exact; }
table.heat td.plain { background: none; }
table.heat td.zero { color: var(--muted); }
table.heat td.diagonal { font-weight: 700; }
table.heat thead th { text-align: center; font-size: 12px; line-height: 1.25; }
table.heat thead th.of { border-bottom: 1px solid var(--line); color: var(--ink); }
table.heat tbody th { text-align: right; padding-right: 8px; white-space: nowrap; }
table.heat tbody th.group { text-align: left; color: var(--muted); font-size: 12.5px; padding-top: 12px; }
table.missing { table-layout: fixed; font-size: 12.5px; }
table.missing col.name { width: 160px; }
table.confusion { table-layout: fixed; }
table.confusion col.name { width: 104px; }
table.missing tbody th { text-align: left; padding: 4px 4px 4px 16px; text-indent: -16px; white-space: normal; overflow-wrap: anywhere; line-height: 1.25; }
table.missing tbody th.group { text-indent: 0; padding: 12px 0 4px; }
table.missing thead tr + tr th { font-weight: 400; font-size: 11px; padding: 2px 0; }

figure { margin: 14px 0; }
figcaption { color: var(--muted); font-size: 13.5px; margin: 14px 0 10px; max-width: 76ch; }
svg { display: block; width: 100%; height: auto; font-family: inherit; font-variant-numeric: tabular-nums; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
svg text { fill: var(--ink); font-size: 13px; }
svg text.small { font-size: 11.5px; fill: var(--muted); }
svg text.stage { font-weight: 650; }
svg text.value { font-weight: 600; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .zero { stroke: var(--muted); stroke-width: 1; }
svg .guide { stroke: var(--muted); stroke-width: 1.2; stroke-dasharray: 4 3; }
svg .whisker { stroke: var(--ink); stroke-width: 1.3; fill: none; }
svg .single { fill: var(--single); } svg .early { fill: var(--early); } svg .hybrid { fill: var(--hybrid); } svg .late { fill: var(--late); } svg .other { fill: var(--other); }
svg .line { fill: none; stroke: var(--early); stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
svg .line.valid { stroke: var(--late); }
svg .line.train { stroke: var(--single); stroke-dasharray: 4 3; }
svg .line.context { stroke: var(--line); stroke-width: 1.2; }
svg .best { fill: var(--paper); stroke: var(--early); stroke-width: 1.8; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); gap: 18px 20px; margin: 12px 0; }

.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(296px, 1fr)); gap: 16px; margin: 16px 0; }
.card { border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px 8px; break-inside: avoid; }
.card h3 { margin: 0 0 8px; display: flex; justify-content: space-between; align-items: baseline; gap: 8px; font-size: 15px; }
.card h3 .truth, .card h3 .id { font-weight: 400; font-size: 12px; color: var(--muted); overflow-wrap: anywhere; }
.card .views { display: flex; gap: 8px; height: 112px; }
.card .views img { height: 112px; image-rendering: pixelated; border-radius: 4px; }
.card .views img.photo { width: 112px; flex: none; }
.card .views img.sound { flex: 1; min-width: 0; width: 0; }
.card .views .absent { flex: 1; display: grid; place-items: center; background: var(--panel); border-radius: 4px; color: var(--muted); font-size: 12px; text-align: center; }
.card dl { display: grid; grid-template-columns: 52px 1fr; gap: 1px 8px; margin: 9px 0 6px; font-size: 13px; }
.card dt { color: var(--muted); }
.card dd { margin: 0; overflow-wrap: anywhere; }
.card table { font-size: 13px; }
.card table { table-layout: fixed; }
.card th, .card td { padding: 3px 0; border-bottom: 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
.card tbody th { width: 60px; color: var(--muted); font-weight: 400; }
.card td.n { width: 62px; }
.card .mark { width: 20px; }

.terms { display: grid; grid-template-columns: 190px 1fr; gap: 8px 20px; margin: 14px 0; }
.terms dt { font-weight: 600; }
.terms dd { margin: 0; max-width: 72ch; }
@media (max-width: 640px) { .terms { grid-template-columns: 1fr; gap: 2px; } .terms dd { margin-bottom: 10px; } }
details { margin: 14px 0; }
summary { cursor: pointer; color: var(--link); }
@page { margin: 14mm; }
@media print {
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  h2 { margin-top: 32px; }
  h2, h3, h3 + p, caption { break-after: avoid; }
  .headline, .cards { grid-template-columns: repeat(3, 1fr); gap: 10px; }
  .panels { grid-template-columns: repeat(4, 1fr); gap: 12px; }
  table, table.missing, .card table, .card dl { font-size: 8pt; }
  th, td { padding: 2.5px 5px; }
  .card { padding: 8px 9px 4px; }
  .card .views, .card .views img { height: 78px; }
  .card .views img.photo { width: 78px; }
  td .interval { font-size: 7pt; margin-left: 3px; }
  tr, figure, table.confusion, .card, .headline section, .panels svg { break-inside: avoid; }
  .scroll { overflow: visible; }
}
)css";
}

}  // namespace alloy::demo::html
