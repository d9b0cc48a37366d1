"""The data report as one self-contained page: no script, no font, no image from elsewhere."""

from collections.abc import Iterable, Sequence
from datetime import date
from html import escape
from typing import Any, Final

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5b6675; --line: #dde3ea;
  --paper: #ffffff; --card: #f5f7fa; --accent: #2463c4; --warn: #8a5a00; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #9aa6b5; --line: #2f3845;
  --paper: #12161c; --card: #1b212a; --accent: #7fb0ff; --warn: #e5b75a; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 66rem; padding: 2rem 1.25rem 4rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2.25rem 0 .6rem; }
p { margin: .3rem 0; } .soft { color: var(--soft); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem;
  margin: 1.5rem 0 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
  padding: .7rem .9rem; }
.tile b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.notes { list-style: none; margin: 0; padding: 0; }
.notes li { border-left: .25rem solid var(--warn); background: var(--card); padding: .45rem .8rem;
  margin: .4rem 0; border-radius: 0 .35rem .35rem 0; overflow-wrap: anywhere; }
.notes li.bad { border-color: var(--bad); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
code { font: 13px ui-monospace, monospace; overflow-wrap: anywhere; }
svg { display: block; width: 100%; height: auto; }
svg rect { fill: var(--accent); } svg text { fill: var(--soft); font: 11px system-ui, sans-serif; }
svg line { stroke: var(--line); }
"""
_MAX_BARS: Final = 366


def report_page(report: dict[str, Any]) -> str:
    """Return the report of `endcap.dataset.report.assemble_report` as an HTML page."""
    events = report["events"]
    schema = escape(report["schema"]) + _as_of(report["as_of"])
    parts = [f"<h1>Data report</h1><p class='soft'>Schema: {schema}</p>"]
    if report["stopped"] is not None:
        parts.append(
            "<h2>Cleaning stopped</h2><ul class='notes'>"
            f"<li class='bad'>{escape(report['stopped'])}</li></ul>"
        )
    if events:
        parts += [_tiles(events), _warnings(report["warnings"]), _chart(events["by_day"])]
    else:
        parts.append(_warnings(report["warnings"]))
    parts.append(_files(report))
    parts.append(_reasons(report["files"]))
    if events:
        parts += [_log(events), _properties(report["item_properties"])]
    body = "\n".join(part for part in parts if part)
    return (
        "<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>\n"
        f"<title>Data report</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n"
        "</body>\n</html>\n"
    )


def _as_of(as_of: str | None) -> str:
    return "" if as_of is None else f"; as of {escape(as_of)}, later rows left out"


def _tiles(events: dict[str, Any]) -> str:
    tiles = {
        "events": f"{events['rows']:,}",
        "visitors": f"{events['visitors']['count']:,}",
        "items with events": f"{events['items']['count']:,}",
        "sessions": f"{events['sessions']['count']:,}",
        "days": f"{events['span_days']:,.0f}",
        "visitors with one event": f"{events['visitors']['one_event_share']:.0%}",
    }
    cells = (
        f"<div class='tile'><b>{b}</b><span class='soft'>{a}</span></div>" for a, b in tiles.items()
    )
    return f"<div class='tiles'>{''.join(cells)}</div>"


def _warnings(warnings: Sequence[dict[str, str]]) -> str:
    if not warnings:
        return ""
    lines = "".join(f"<li>{escape(warning['message'])}</li>" for warning in warnings)
    return f"<h2>Worth knowing</h2><ul class='notes'>{lines}</ul>"


def _chart(by_day: Sequence[dict[str, Any]]) -> str:
    """Bars of events per day, the newest `_MAX_BARS` days; a day without events leaves a gap."""
    if not by_day:
        return ""
    shown = by_day[-_MAX_BARS:]
    ordinals = [_ordinal(day["date"]) for day in shown]
    first, slots = ordinals[0], ordinals[-1] - ordinals[0] + 1
    width, height, left, top = 1000, 180, 60, 10
    step = (width - left) / slots
    most = max(day["events"] for day in shown)
    bars = []
    for day, ordinal in zip(shown, ordinals, strict=True):
        tall = height * day["events"] / most
        bars.append(
            f"<rect x='{left + (ordinal - first) * step:.2f}' y='{top + height - tall:.2f}' "
            f"width='{max(step * 0.8, 0.5):.2f}' height='{tall:.2f}'>"
            f"<title>{day['date']}: {day['events']:,} events</title></rect>"
        )
    floor = top + height
    return (
        "<h2>Events per day</h2>"
        f"<svg viewBox='0 0 {width} {floor + 24}' role='img' aria-label='Events per day'>"
        f"<line x1='{left}' y1='{floor}' x2='{width}' y2='{floor}'/>"
        f"<text x='{left - 6}' y='{top + 10}' text-anchor='end'>{most:,}</text>"
        f"<text x='{left - 6}' y='{floor}' text-anchor='end'>0</text>"
        f"{''.join(bars)}"
        f"<text x='{left}' y='{floor + 18}'>{shown[0]['date']}</text>"
        f"<text x='{width}' y='{floor + 18}' text-anchor='end'>{shown[-1]['date']}</text></svg>"
    )


def _ordinal(day: str) -> int:
    return date.fromisoformat(day).toordinal()


def _files(report: dict[str, Any]) -> str:
    header = [
        "File",
        "Table",
        "Rows",
        "Kept",
        "Bad",
        "Bad share",
        "Duplicates",
        "Ignored",
        "After as-of",
    ]
    rows = [
        [
            f"<code>{escape(file['file'])}</code>",
            escape(file["table"].replace("_", " ")),
            f"{file['rows']:,}",
            f"{file['kept']:,}",
            f"{file['bad']:,}",
            f"{file['bad_share']:.3%}",
            f"{file['quarantined'].get('duplicate', {}).get('rows', 0):,}",
            f"{file['ignored']:,}",
            f"{file['after_as_of']:,}",
        ]
        for file in report["files"]
    ]
    unread = report["unread_files"]
    names = ", ".join(f"<code>{escape(name)}</code>" for name in unread[:20])
    more = f" and {len(unread) - 20:,} more" if len(unread) > 20 else ""
    note = f"<p class='soft'>Not read: {names}{more}</p>" if unread else ""
    return "<h2>Files</h2>" + _table(header, rows, numeric_from=2) + note


def _reasons(files: Sequence[dict[str, Any]]) -> str:
    rows = [
        [
            f"<code>{escape(file['file'])}</code>",
            f"<code>{reason}</code><br><span class='soft'>{escape(found['explanation'])}</span>",
            f"{found['rows']:,}",
            _example(found["example"]),
        ]
        for file in files
        for reason, found in file["quarantined"].items()
    ]
    if not rows:
        return "<h2>Quarantine</h2><p>No row was refused.</p>"
    return "<h2>Quarantine</h2>" + _table(["File", "Reason", "Rows", "Example"], rows, numeric={2})


def _example(example: dict[str, Any]) -> str:
    return f"row {example['row_number']:,}: <code>{escape(example['raw'])}</code>"


def _log(events: dict[str, Any]) -> str:
    visitors, sessions, bots = events["visitors"], events["sessions"], events["bots"]
    rows = [
        ["First event", events["first_event"]],
        ["Last event", events["last_event"]],
        *([f"Events of type {escape(name)}", f"{n:,}"] for name, n in events["by_type"].items()),
        ["Events per visitor: mean", f"{visitors['events_mean']:.2f}"],
        ["Events per visitor: median", f"{visitors['events_median']:,}"],
        ["Events per visitor: 99th percentile", f"{visitors['events_p99']:,}"],
        ["Events per visitor: most", f"{visitors['events_max']:,}"],
        ["Items with one event", f"{events['items']['one_event_share']:.1%}"],
        [f"Events per session ({sessions['timeout_minutes']:g} min timeout, bots left out)",
         f"{sessions['events_mean']:.2f}"],
        ["Visitors flagged as bots", f"{bots['visitors']:,}"],
        ["Events flagged as a bot's", f"{bots['events']:,} ({bots['share']:.2%})"],
        ["Visitor-item pairs that never met", f"{events['sparsity']:.4%}"],
    ]  # fmt: skip
    return "<h2>The log</h2>" + _table(["Fact", "Value"], rows, numeric_from=1)


def _properties(facts: dict[str, Any]) -> str:
    rows = [
        ["Property rows kept", f"{facts['rows']:,}"],
        ["Intervals of validity", f"{facts['intervals']:,}"],
        ["Rows that repeat the value before them", f"{facts['merged']:,}"],
        ["Values read as a number", f"{facts['numbers']:,}"],
        ["Items with properties", f"{facts['items']:,}"],
        ["Items with events and properties", f"{facts['event_items_with_properties']:,}"],
        ["Items with events and a price", f"{facts['event_items_with_price']:,}"],
        ["Items with events, in the category tree", f"{facts['event_items_in_category_tree']:,}"],
        ["Share of items with events that have properties", f"{facts['join_coverage']:.1%}"],
        ["Categories", f"{facts['categories']:,}"],
    ]
    return "<h2>What is known of items</h2>" + _table(["Fact", "Value"], rows, numeric_from=1)


def _table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numeric_from: int | None = None,
    numeric: frozenset[int] | set[int] = frozenset(),
) -> str:
    """Return a table of cells that are HTML already. Numeric columns are set to the right."""
    right = set(numeric) | (
        set() if numeric_from is None else set(range(numeric_from, len(header)))
    )

    def line(tag: str, cells: Sequence[str]) -> str:
        marked = (
            f"<{tag}{' class=n' if i in right else ''}>{c}</{tag}>" for i, c in enumerate(cells)
        )
        return f"<tr>{''.join(marked)}</tr>"

    body = "".join(line("td", row) for row in rows)
    head = line("th", header)
    table = f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"
    return f"<div class='scroll'>{table}</div>"
