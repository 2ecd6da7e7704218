// The style sheet of report.html, apart from the code so that either can be read alone.
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
main{max-width:1180px;margin:0 auto;padding:32px 24px 48px}
h1{font-size:26px;line-height:1.2;margin:0;letter-spacing:-.01em}
h2{font-size:20px;margin:0 0 14px}h2 span{margin-left:12px;font-weight:400;font-size:14px;color:var(--soft)}
h3{font-size:15px;margin:0 0 10px}
.origin{margin:4px 0 0;color:var(--soft)}
section,.card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:20px 22px;margin-top:22px}
code{font:13px ui-monospace,"DejaVu Sans Mono",monospace}
.tiles{display:flex;flex-wrap:wrap;gap:10px 34px;margin-bottom:16px}
.tile b{display:block;font-size:24px;line-height:1.25;font-variant-numeric:tabular-nums}
.tile span{color:var(--soft);font-size:13px}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(460px,1fr));gap:14px;margin-bottom:16px}
.charts svg{width:100%;height:auto;border:1px solid var(--line);border-radius:8px}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13px;font-variant-numeric:tabular-nums}
th,td{padding:7px 8px;text-align:right;white-space:nowrap;vertical-align:top}
thead th{background:var(--head);color:var(--soft);font-weight:500;font-size:12px;padding:5px 8px}
thead tr:first-child th{text-align:center;border-left:1px solid var(--line)}
thead th[rowspan]{text-align:left!important;vertical-align:bottom;border-left:0!important}
tbody tr{border-top:1px solid var(--line)}
tbody th{text-align:left;font-weight:500}
td small{display:block;color:var(--soft);font-size:11px}
.off th,.failed th{color:var(--soft)}.off td,.failed td{white-space:normal;text-align:left;color:var(--soft)}.failed td{color:var(--bad)}
.dot{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:8px}
.fp32{background:var(--fp32)}.bf16{background:var(--bf16)}.int8{background:var(--int8)}.int8-dynamic{background:var(--int8-dynamic)}.off .dot{opacity:.35}
.note,footer{color:var(--soft);font-size:13px}.note{margin:12px 0 0}.note strong{color:var(--ink)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(420px,1fr));gap:0 22px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:0;font-size:14px}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
footer{margin-top:22px}
@media (max-width:560px){main{padding:18px 10px}.charts,.cards{grid-template-columns:1fr}section,.card{padding:14px}}
@media print{body{background:#fff;font-size:11px}main{max-width:none;padding:0}section,.card{break-inside:avoid;border-color:#ccc}
.wide{overflow:visible}table{font-size:8px}th,td{padding:3px}code{font-size:8px}td small{font-size:7px}}
)";

}  // namespace tessera
