// SPDX-License-Identifier: Apache-2.0
#include "eval/detail/html_style.hpp"

namespace alloy::detail {

std::string_view html_style_sheet() {
  return R"css(
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1b2026; --muted: #5a646f; --line: #dfe4e9; --panel: #f6f8fa; --link: #1f62ad;
  --c0: #858f9b; --c1: #2f74c0; --c2: #d27d1d; --c3: #17896d; --c4: #8a63b5; --c5: #c2414b; --c6: #2b93a8; --c7: #8f7a2e;
  --good: #146c43; --bad: #b02a37;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --ink: #e5e8eb; --muted: #9ba5b0; --line: #2c333b; --panel: #1b2026; --link: #7fb4ef;
    --c0: #8d97a3; --c1: #5397e3; --c2: #de9440; --c3: #33a886; --c4: #a884d0; --c5: #e0747c; --c6: #4db4c9; --c7: #b8a24e;
    --good: #5cc592; --bad: #f08a93;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.55 system-ui, -apple-system, "Segoe UI", "Liberation Sans", Arial, sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 48px 20px 72px; }
h1 { font-size: 30px; line-height: 1.2; font-weight: 650; margin: 0 0 14px; letter-spacing: -.01em; overflow-wrap: anywhere; }
h2 { font-size: 21px; line-height: 1.3; font-weight: 650; margin: 64px 0 10px; padding-top: 18px; border-top: 1px solid var(--line); }
h3 { font-size: 16px; font-weight: 650; margin: 36px 0 6px; overflow-wrap: anywhere; }
p { margin: 0 0 12px; max-width: 76ch; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
code, pre, .typed { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; font-size: .9em; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: 12px 14px; overflow-x: auto; line-height: 1.45; font-size: 12.5px; }
.note { color: var(--muted); font-size: 13.5px; }
.facts { display: flex; flex-wrap: wrap; gap: 4px 28px; margin: 16px 0 0; padding: 0; color: var(--muted); font-size: 13.5px; list-style: none; }
.facts li { overflow-wrap: anywhere; }
.facts b { color: var(--ink); font-weight: 600; }
nav { margin: 14px 0 0; font-size: 13.5px; display: flex; flex-wrap: wrap; gap: 2px 18px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

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
td.part, td.part:first-child { padding-left: 22px; }
.mark { white-space: nowrap; font-weight: 600; }
.met, .right { color: var(--good); }
.missed, .wrong { color: var(--bad); }

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
svg .link { stroke: var(--muted); stroke-width: .7; opacity: .55; fill: none; }
svg .dots { stroke: var(--paper); stroke-width: .6; }
svg .c0 { fill: var(--c0); } svg .c1 { fill: var(--c1); } svg .c2 { fill: var(--c2); } svg .c3 { fill: var(--c3); }
svg .c4 { fill: var(--c4); } svg .c5 { fill: var(--c5); } svg .c6 { fill: var(--c6); } svg .c7 { fill: var(--c7); }
svg .line { fill: none; stroke: var(--c1); stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
svg .line.c0 { stroke: var(--c0); } svg .line.c2 { stroke: var(--c2); } svg .line.c3 { stroke: var(--c3); }
svg .line.c4 { stroke: var(--c4); } svg .line.c5 { stroke: var(--c5); } svg .line.c6 { stroke: var(--c6); } svg .line.c7 { stroke: var(--c7); }
svg .line.dashed { stroke-dasharray: 6 4; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 8px 20px; }
.pair > * { min-width: 0; }
.pair h3 { margin-top: 8px; }

.gallery { display: grid; gap: 14px; margin: 16px 0; }
.asked { border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; display: grid; grid-template-columns: 132px 1fr; gap: 8px 18px; break-inside: avoid; }
.asked h3 { margin: 0; grid-column: 1 / -1; font-size: 13.5px; font-weight: 500; color: var(--muted); }
.asked .query { border-right: 1px solid var(--line); padding-right: 14px; }
.answers { display: grid; grid-template-columns: repeat(auto-fill, minmax(104px, 1fr)); gap: 10px 12px; margin: 0; padding: 0; list-style: none; }
.tile { margin: 0; }
.tile img { display: block; width: 100%; max-width: 132px; aspect-ratio: 1; object-fit: contain; image-rendering: pixelated; background: var(--panel); border-radius: 4px; border: 2px solid transparent; }
.tile .said { margin: 0; color: var(--ink); padding: 7px 9px; min-height: 44px; background: var(--panel); border-radius: 4px; border: 2px solid transparent; font-size: 13px; line-height: 1.4; overflow-wrap: anywhere; }
.tile .said.absent { color: var(--muted); }
.tile.right img, .tile.right .said { border-color: var(--good); }
.tile.wrong img, .tile.wrong .said { border-color: var(--line); }
.tile figcaption { margin: 4px 0 0; font-size: 12px; color: var(--muted); overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
@media (max-width: 640px) { .asked { grid-template-columns: 1fr; } .asked .query { border-right: 0; padding-right: 0; max-width: 160px; } }

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
  table { font-size: 8pt; }
  th, td { padding: 2.5px 5px; }
  td .interval { font-size: 7pt; margin-left: 3px; }
  tr, figure { break-inside: avoid; }
  .scroll { overflow: visible; }
}
)css";
}

}  // namespace alloy::detail
