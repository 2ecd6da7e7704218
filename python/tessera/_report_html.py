"""A report inside a notebook: charts and a table for each model."""
from html import escape
from typing import Any, Optional

_COLUMNS = ("case", "batch", "sequence", "median ms", "p90", "p99", "per s", "% of peak", "cosine", "top-1", "speed-up")

_STYLE = """<style>
.tessera table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:.4em 0 1em}
.tessera th,.tessera td{padding:.25em .8em;text-align:right;border-bottom:1px solid rgba(128,128,128,.25)}
.tessera th:first-child,.tessera td:first-child{text-align:left;font-family:ui-monospace,monospace}
.tessera td.reason{text-align:left;opacity:.65}
.tessera .charts{display:flex;flex-wrap:wrap;gap:1em}.tessera .charts svg{max-width:100%;height:auto}
</style>"""


def report_html(report: dict[str, Any], charts: list[list[str]]) -> str:
    machine = report["machine"]
    parts = [_STYLE, '<div class="tessera">',
             f"<p>{escape(machine['cpu'])}, {machine['threads']} of {machine['usable_cpus']} usable CPUs, best tier "
             f"{escape(machine['isa'])}</p>"]
    for model, drawings in zip(report["models"], charts):
        parts += [_heading(model), '<div class="charts">', *drawings, "</div>", _table(model)]
    return "\n".join(parts + ["</div>"])


def _heading(model: dict[str, Any]) -> str:
    facts = [f"{len(model['points'])} points"] if "points" in model else [f"batch {model['batch']}"]
    if model.get("seq") and "points" not in model:
        facts.append(f"sequence {model['seq']}")
    facts.append(model["source"])
    return f"<h4>{escape(model['name'])} <small>{escape(', '.join(facts))}</small></h4>"


def _table(model: dict[str, Any]) -> str:
    points = model.get("points", [model])
    columns = _COLUMNS if len(points) > 1 else tuple(name for name in _COLUMNS if name not in ("batch", "sequence"))
    head = "".join(f"<th>{name}</th>" for name in columns)
    # What is not available is so at every point, and said once.
    rows = "".join(_row(case, point if len(points) > 1 else None, len(columns)) for i, point in enumerate(points)
                   for case in point["cases"] if i == 0 or case["status"] != "unavailable")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(case: dict[str, Any], point: Optional[dict[str, Any]], columns: int) -> str:
    """`point`: of a sweep, whose extents stand in the row."""
    if case["status"] != "ok":
        words = "failed" if case["status"] == "failed" else "not available here"
        return (f"<tr><td>{escape(case['case'])}</td><td class=\"reason\" colspan=\"{columns - 1}\">{words}: "
                f"{escape(case['reason'] or '')}</td></tr>")
    latency, accuracy = case["latency_ms"], case["accuracy"] or {}
    top1 = accuracy.get("top1", accuracy.get("top1_agreement"))
    if top1 is None:
        top1 = accuracy.get("top1_agreement")
    extents = [] if point is None else [str(point["batch"]), str(point["seq"] or "")]
    cells = [escape(case["case"]), *extents, _number(latency["p50"], 2), _number(latency["p90"], 2), _number(latency["p99"], 2),
             _number(case["throughput_per_s"], 1), _percent(case["peak_fraction"]), _number(accuracy.get("cosine"), 5),
             _percent(top1), _number(case["speedup_vs_fp32"], 2, "×")]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _number(value: Optional[float], decimals: int, unit: str = "") -> str:
    return "" if value is None else f"{value:.{decimals}f}{unit}"


def _percent(fraction: Optional[float]) -> str:
    return "" if fraction is None else f"{100 * fraction:.1f} %"
