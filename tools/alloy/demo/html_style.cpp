// SPDX-License-Identifier: Apache-2.0
#include "html_parts.hpp"

namespace alloy::demo::html {

std::string_view style_sheet() {
  return R"css(
:root { --single: var(--c0); --early: var(--c1); --hybrid: var(--c3); --late: var(--c2); --other: var(--c4); --heat: 47 116 192; --heat-most: .58; }
@media (prefers-color-scheme: dark) { :root { --heat: 83 151 227; --heat-most: .55; } }
.headline { display: grid; grid-template-columns: repeat(auto-fit, minmax(270px, 1fr)); gap: 16px; margin: 28px 0 0; }
.headline section { border: 1px solid var(--line); border-radius: 8px; padding: 14px 18px; display: flex; flex-direction: column; }
.headline h3 { margin: 0; }
.headline p { margin: 0; font-size: 13.5px; color: var(--muted); }
.headline .figure { color: var(--ink); font-size: 34px; line-height: 1.25; font-weight: 600; letter-spacing: -.02em; margin-top: auto; padding-top: 10px; font-variant-numeric: tabular-nums; }
.headline .figure small { font-size: 17px; font-weight: 500; color: var(--muted); letter-spacing: 0; }
.headline .detail { border-top: 1px solid var(--line); margin-top: 10px; padding-top: 8px; }
.headline b { color: var(--ink); font-weight: 600; }

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

svg .single { fill: var(--single); } svg .early { fill: var(--early); } svg .hybrid { fill: var(--hybrid); } svg .late { fill: var(--late); } svg .other { fill: var(--other); }
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
@media print {
  .headline, .cards { grid-template-columns: repeat(3, 1fr); gap: 10px; }
  .panels { grid-template-columns: repeat(4, 1fr); gap: 12px; }
  table.missing, .card table, .card dl { font-size: 8pt; }
  .card { padding: 8px 9px 4px; }
  .card .views, .card .views img { height: 78px; }
  .card .views img.photo { width: 78px; }
  table.confusion, .card, .headline section, .panels svg { break-inside: avoid; }
}
)css";
}

}  // namespace alloy::demo::html
