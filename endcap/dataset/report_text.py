"""The data report as plain text for a terminal."""

from typing import Any


def report_text(report: dict[str, Any]) -> str:
    """Return the report of `endcap.dataset.report.assemble_report` as a few aligned lines.

    Control characters of quoted rows are escaped, so that a damaged log cannot write to a terminal.
    """
    lines = [_file_line(file) for file in report["files"]]
    for file in report["files"]:
        lines += _reason_lines(file)
    if report["events"]:
        lines += ["", *_event_lines(report["events"])]
    lines += [f"note: {warning['message']}" for warning in report["warnings"]]
    if report["stopped"] is not None:
        lines.append(f"stopped: {report['stopped']}")
    return "\n".join(lines)


def _file_line(file: dict[str, Any]) -> str:
    text = f"{file['file']}: {file['rows']:,} rows, {file['kept']:,} kept"
    for name, label in (("ignored", "ignored"), ("after_as_of", "after the as-of time")):
        if file[name]:
            text += f", {file[name]:,} {label}"
    return text


def _reason_lines(file: dict[str, Any]) -> list[str]:
    return [
        f"  {file['file']}: {found['rows']:>7,} {reason:<26} row {found['example']['row_number']}: "
        f"{found['example']['raw'][:80]!r}"
        for reason, found in file["quarantined"].items()
    ]


def _event_lines(events: dict[str, Any]) -> list[str]:
    types = ", ".join(f"{count:,} {name}" for name, count in events["by_type"].items())
    visitors, single = events["visitors"]["count"], events["visitors"]["one_event_share"]
    items, sessions = events["items"]["count"], events["sessions"]["count"]
    span = f"{events['first_event']} to {events['last_event']}"
    return [
        f"{events['rows']:,} events ({types}), {span}",
        f"{visitors:,} visitors, {single:.1%} of them with one event; {items:,} items",
        f"{sessions:,} sessions",
    ]
