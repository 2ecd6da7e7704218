"""The rows of a sweep as a page of Markdown."""
import math

VERDICTS = ("right", "refused", "wrong", "crashed", "none")


def by_family(rows):
    families = {}
    for row in rows:
        families.setdefault(row.family, []).append(row)
    return families


def speed(rows):
    """Geometric mean of the peer's time over ours, and how many rows it is of."""
    ratios = [row.peer_milliseconds / row.milliseconds for row in rows if row.milliseconds > 0 < row.peer_milliseconds]
    if not ratios:
        return "-"
    return f"{math.exp(sum(map(math.log, ratios)) / len(ratios)):.2f} ({len(ratios)})"


def summary(rows):
    lines = ["| family | " + " | ".join(VERDICTS) + " | right of the files | ONNX Runtime's time / ours |",
             "|---|" + "---|" * (len(VERDICTS) + 2)]
    for family, some in [*by_family(rows).items(), ("all", rows)]:
        count = {verdict: sum(row.verdict == verdict for row in some) for verdict in VERDICTS}
        files = len(some) - count["none"]
        share = f"{100 * count['right'] / files:.0f} %" if files else "-"
        cells = [family, *(str(count[verdict]) for verdict in VERDICTS), share, speed(some)]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def not_right(rows):
    lines = ["| network | variant | verdict | reason |", "|---|---|---|---|"]
    for row in rows:
        if row.verdict not in ("right", "none"):
            reason = row.reason.replace("|", "\\|")[:160]
            lines.append(f"| {row.network} | {row.exporter} {row.opset} {row.attention} | {row.verdict} | {reason} |")
    return lines if len(lines) > 2 else ["None."]


def no_file(rows):
    names = sorted({f"{row.network} ({row.exporter} {row.opset} {row.attention})" for row in rows if row.verdict == "none"})
    return [", ".join(names)] if names else ["none"]


def write_page(rows, path):
    parts = ["# What exporters write, and what Tessera makes of it", "",
             "Made by tests/exporters/sweep.py: random weights; right means within 1e-5 of double precision, relative, or",
             "within three times ONNX Runtime's own distance from it. Times: one thread, the least of several runs, at the",
             "extents of the sweep.", "", *summary(rows), "", "## Rows that are not right", "", *not_right(rows), "",
             "## No file: the exporter failed", "", *no_file(rows), ""]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(parts))
