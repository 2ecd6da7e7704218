// The style sheet and the script of report pages, apart from the code so that either can be read alone.
#pragma once

#include <string_view>

namespace tessera {

inline constexpr std::string_view html_style = R"(
:root{--back:#f6f8fb;--card:#fff;--ink:#0f172a;--soft:#5b6b80;--line:#e2e8f0;--head:#f1f5f9;--bad:#b42318;
--fp32:#8493a8;--bf16:#4f7fe8;--int8:#14a38b;--int8-dynamic:#b3a125}
@media screen and (prefers-color-scheme:dark){:root{--back:#0b1120;--card:#111827;--ink:#f1f5f9;--soft:#94a3b8;
--line:#273244;--head:#1a2333;--bad:#f97066;--fp32:#7687a0;--bf16:#5c8df6;--int8:#1fb89e;--int8-dynamic:#cdbb3e}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1240px;margin:0 auto;padding:32px 24px 48px}
h1{font-size:26px;line-height:1.2;margin:0;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:20px;margin:0 0 14px;overflow-wrap:anywhere}
h2 span{margin-left:12px;font-weight:400;font-size:14px;color:var(--soft)}
h3{font-size:15px;margin:0 0 10px}
.origin{margin:4px 0 0;color:var(--soft)}
section,.card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:20px 22px;margin-top:22px}
code{font:13px ui-monospace,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
.tiles{display:grid;grid-template-columns:repeat(5,1fr);gap:12px 24px;margin-bottom:18px}
.tile b{display:block;font-size:24px;line-height:1.25;font-variant-numeric:tabular-nums}
.tile span{display:block;color:var(--soft);font-size:13px;line-height:1.4}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(460px,100%),1fr));gap:14px;margin-bottom:16px}
.charts svg{display:block;width:100%;height:auto;border:1px solid var(--line);border-radius:8px}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13px;font-variant-numeric:tabular-nums}
th,td{padding:7px 7px;text-align:right;white-space:nowrap;vertical-align:top}
thead th{background:var(--head);color:var(--soft);font-weight:500;font-size:12px;padding:0}
tbody th,.words,thead .words button{text-align:left}
thead button{all:unset;box-sizing:border-box;display:block;width:100%;padding:6px 7px;cursor:pointer;text-align:right}
thead button:hover{color:var(--ink)}thead button:focus-visible{outline:2px solid var(--bf16);outline-offset:-2px}
[aria-sort] button{color:var(--ink)}
[aria-sort=ascending] button::after{content:" ▴"}[aria-sort=descending] button::after{content:" ▾"}
tbody tr{border-top:1px solid var(--line)}
tbody th{font-weight:500}
tbody th small,td small{display:block;color:var(--soft);font-size:11px;font-weight:400}
td.words{white-space:normal;overflow-wrap:anywhere;min-width:9em}
.layers td,.layers th{padding-top:4px;padding-bottom:4px}.layers td:nth-child(2){min-width:19em}
.layers td:nth-child(3),.layers td:nth-child(4){min-width:0;white-space:nowrap}
.off th,.failed th{color:var(--soft)}.off td,.failed td{white-space:normal;text-align:left;color:var(--soft)}.failed td{color:var(--bad)}
.dot{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:8px}
.fp32{background:var(--fp32)}.bf16{background:var(--bf16)}.int8{background:var(--int8)}.int8-dynamic{background:var(--int8-dynamic)}.off .dot{opacity:.35}
.note,footer{color:var(--soft);font-size:13px}.note{margin:12px 0 0}.note strong{color:var(--ink)}
details{margin-top:14px;border-top:1px solid var(--line);padding-top:12px}summary{cursor:pointer;font-weight:500}
details .charts{margin-top:12px}
.bars{display:grid;grid-template-columns:minmax(0,max-content) minmax(72px,1fr) max-content;gap:5px 12px;align-items:center;font-size:13px;
font-variant-numeric:tabular-nums;align-content:center;padding:16px 20px;border:1px solid var(--line);border-radius:8px}
.bars h3{grid-column:1/-1;margin:0 0 4px}.bars i{display:block;height:12px;border-radius:3px;background:var(--bf16);min-width:1px}
.bars span{overflow-wrap:anywhere}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(420px,100%),1fr));gap:0 22px}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:4px 18px;margin:0;font-size:14px}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
footer{margin-top:22px}
@media (max-width:900px){.tiles{grid-template-columns:repeat(auto-fit,minmax(140px,1fr))}}
@media screen and (max-width:760px){main{padding:18px 10px}section,.card{padding:14px}h2 span{display:block;margin:2px 0 0}
table,tbody{display:block}thead{display:none}
tbody tr{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:2px 22px;padding:10px 0}
tbody th,td.words,td[colspan]{grid-column:1/-1}
tbody th,td{padding:0;white-space:normal!important}
td[data-label]{display:flex;gap:8px;justify-content:flex-end;text-align:right}
td[data-label]::before{content:attr(data-label);color:var(--soft);margin-right:auto;white-space:nowrap}
td.words:has(span:empty){display:none}td small{align-self:center}.layers td{min-width:0!important}}
@media print{body{background:#fff;font-size:11px}main{max-width:none;padding:0}section,.card{border-color:#ccc;padding:12px}
.card,.charts,.tiles,tr{break-inside:avoid}.tile b{font-size:16px}.tile span{font-size:9px}.wide{overflow:visible}
table,table code{font-size:7.5px}th,td{padding:2px}thead th{font-size:7px}thead button{padding:2px}td small,tbody th small{font-size:6.5px}
.dot{width:6px;height:6px;margin-right:3px}.layers td.words{min-width:0}}
)";

/// Tables of class sortable: a click on a title sorts by its column, the largest figure first; another one turns it
/// round. Rows without that cell stay at the end. What is folded up is printed all the same.
inline constexpr std::string_view html_script = R"(
'use strict';
for (const table of document.querySelectorAll('table.sortable')) {
  const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  const keyOf = (row, column) => {
    const cell = row.cells[column];
    if (!cell || cell.colSpan > 1) return null;
    if (cell.dataset.key !== undefined) return Number(cell.dataset.key);
    const text = cell.textContent.trim();
    return text === '' || text === '–' ? null : text;
  };
  const order = (a, b) => typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b));
  heads.forEach((head, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const rows = [...body.rows].map(row => [keyOf(row, column), row]);
      const words = rows.some(([key]) => typeof key === 'string');
      const now = head.getAttribute('aria-sort');
      const down = now === null ? !words : now === 'ascending';
      rows.sort(([a], [b]) => a === null || b === null ? (a === null) - (b === null) : down ? order(b, a) : order(a, b));
      for (const other of heads) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      body.append(...rows.map(([, row]) => row));
    });
  });
}
let folded = [];
addEventListener('beforeprint', () => {
  folded = [...document.querySelectorAll('details:not([open])')];
  for (const part of folded) part.open = true;
});
addEventListener('afterprint', () => { for (const part of folded) part.open = false; });
)";

}  // namespace tessera
