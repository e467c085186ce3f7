/** The style of the page: light and dark, and for paper. Nothing is loaded. */
export const USAGE_STYLE = `
:root {
  color-scheme: light dark;
  --paper: #f5f6f8; --card: #ffffff; --ink: #1b2430; --soft: #5d6b7e; --line: #e3e7ed; --grid: #eceff3;
  --blue: #2563eb; --blue-soft: #2563eb26; --green: #15803d; --amber: #b45309; --orange: #d97706; --red: #c02626;
  --red-soft: #dc262640; --shade: #64748b2e; --grace: #7fb0f5; --head: #f9fafb;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #0e131a; --card: #161d27; --ink: #e7ecf3; --soft: #98a5b8; --line: #263141; --grid: #222c3a;
    --blue: #6ba1ff; --blue-soft: #6ba1ff2e; --green: #4cc37d; --amber: #f0b45b; --orange: #f0a24a; --red: #ff7d74;
    --red-soft: #ff7d7459; --shade: #94a3b830; --grace: #34568f; --head: #1a222e;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
}
main { max-width: 1060px; margin: 0 auto; padding: 36px 24px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 19px; margin: 40px 0 12px; letter-spacing: -0.005em; }
h3 { font-size: 17px; margin: 0; }
h4 { font-size: 13px; font-weight: 600; margin: 18px 0 2px; color: var(--soft); }
p { margin: 0; }
.soft { color: var(--soft); }
.top { display: flex; justify-content: space-between; gap: 24px; align-items: flex-start; flex-wrap: wrap; }
.pill { border-radius: 999px; padding: 5px 14px; font-weight: 600; font-size: 14px; border: 1.5px solid currentColor; white-space: nowrap; }
.good { color: var(--green); } .warn { color: var(--amber); } .bad { color: var(--red); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 12px; margin: 26px 0 0; }
.tile, .card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
.tile { padding: 14px 16px; }
.tile b { display: block; font-size: 26px; line-height: 1.2; font-weight: 650; font-variant-numeric: tabular-nums; letter-spacing: -0.01em; }
.tile span { color: var(--soft); font-size: 13px; }
.card { padding: 20px 22px; margin: 0 0 18px; }
.card > header { display: flex; justify-content: space-between; gap: 24px; align-items: flex-start; }
.figure { text-align: right; white-space: nowrap; }
.figure b { font-size: 24px; line-height: 1.15; font-variant-numeric: tabular-nums; }
.figure b small { font-size: 15px; font-weight: 500; color: var(--soft); }
.figure span { display: block; font-size: 13px; color: var(--soft); }
.figure .bad { color: var(--red); }
svg { display: block; width: 100%; height: auto; }
svg text { font-size: 12px; fill: var(--soft); font-variant-numeric: tabular-nums; }
.grid { stroke: var(--grid); } .tick, .zero { stroke: var(--soft); stroke-opacity: 0.55; }
.area { fill: var(--blue-soft); } .edge { fill: none; stroke: var(--blue); stroke-width: 2; stroke-linejoin: round; }
.over { fill: var(--red-soft); } .limit { stroke: var(--red); stroke-width: 1.5; stroke-dasharray: 6 4; }
svg .limit-name, svg .end-name { fill: var(--red); font-weight: 600; paint-order: stroke; stroke: var(--card); stroke-width: 4px; stroke-linejoin: round; }
svg .end-name { fill: var(--amber); } .end { stroke: var(--amber); stroke-width: 1.5; stroke-dasharray: 2 3; }
.approved { fill: var(--blue); } .graced { fill: var(--grace); } .refused { fill: var(--orange); }
.band { fill: var(--shade); } .band.ledger-break { fill: var(--red-soft); }
.hover { fill: transparent; } .hover:hover { fill: var(--shade); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; color: var(--soft); margin-top: 6px; }
.legend i { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 6px; vertical-align: -1px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; font-size: 12.5px; color: var(--soft); white-space: nowrap; }
th, td { padding: 7px 14px 7px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
td.n, th.n { text-align: right; }
td.nowrap { white-space: nowrap; }
code { font: 12.5px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: nowrap; }
details { margin-top: 14px; } summary { cursor: pointer; color: var(--blue); font-size: 14px; width: fit-content; }
details[open] summary { margin-bottom: 8px; }
ul.findings { list-style: none; margin: 0; padding: 0; }
ul.findings li { padding: 8px 0 8px 26px; position: relative; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
ul.findings li:last-child { border-bottom: 0; }
ul.findings li::before { position: absolute; left: 3px; font-weight: 700; }
ul.findings li.bad::before { content: "\\2717"; } ul.findings li.note::before { content: "!"; color: var(--amber); }
ul.findings li.bad { color: var(--red); }
footer { margin-top: 44px; color: var(--soft); font-size: 13px; }
@media (max-width: 640px) {
  main { padding: 22px 14px 40px; } .card { padding: 16px 14px; } .card > header { flex-direction: column; gap: 8px; }
  .figure { text-align: left; } svg text { font-size: 19px; }
}
@media print {
  :root {
    --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #ccc; --grid: #e5e5e5; --blue: #1d4ed8; --blue-soft: #1d4ed826;
    --green: #166534; --amber: #92400e; --orange: #b45309; --red: #b91c1c; --red-soft: #dc262640; --shade: #0000001c; --grace: #93c5fd;
  }
  @page { margin: 14mm; }
  body { font-size: 12px; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main { padding: 0; max-width: none; } h1 { font-size: 22px; } h2 { font-size: 15px; margin: 20px 0 8px; }
  .tiles { grid-template-columns: repeat(6, 1fr); gap: 8px; margin-top: 14px; }
  .tile { padding: 8px 10px; } .tile b { font-size: 18px; } .tile span { font-size: 10.5px; }
  .card { padding: 12px 14px; margin-bottom: 10px; } svg text { font-size: 14px; }
  h3, .figure b { font-size: 15px; } h4 { font-size: 11px; margin-top: 10px; } .legend, .figure span { font-size: 10.5px; }
  table { font-size: 10.5px; } th, code { font-size: 10px; } tr { break-inside: avoid; }
  .card, .tile { break-inside: avoid; } .card.long { break-inside: auto; } h2 { break-after: avoid; } details:not([open]) { display: none; }
}
`;
