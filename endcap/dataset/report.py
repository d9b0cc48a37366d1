"""The data report: what was read, kept and refused, and what the log is like."""

import json
from pathlib import Path
from typing import Any

from endcap.dataset.intake import Intake
from endcap.dataset.report_page import report_page
from endcap.dataset.summary import iso


def assemble_report(
    intake: Intake, facts: dict[str, Any], *, stopped: str | None
) -> dict[str, Any]:
    """Return the report as JSON values.

    ``facts`` are the few numbers that later steps need: ``first_event_ms``, ``last_event_ms``,
    ``events``, ``moments``, ``visitors``, ``items``, ``quarantined`` and the codes of the
    ``warnings``. They, ``events`` and ``item_properties`` are empty when cleaning `stopped` (the
    reason, or None).
    """
    quarantined = sum(sum(tally.quarantined.values()) for tally in intake.tallies)
    events = facts.get("events", {})
    as_of_ms = intake.bounds.as_of_ms
    return {
        "schema": intake.mapping.name,
        "as_of": None if as_of_ms is None else iso(as_of_ms),
        "stopped": stopped,
        "files": [tally.to_json() for tally in intake.tallies],
        "unread_files": intake.unread_files(),
        "warnings": intake.warnings,
        "events": events,
        "item_properties": facts.get("item_properties", {}),
        "facts": {
            "first_event_ms": events["first_event_ms"],
            "last_event_ms": events["last_event_ms"],
            "events": events["rows"],
            "moments": events["moments"],
            "visitors": events["visitors"]["count"],
            "items": events["items"]["count"],
            "quarantined": quarantined,
            "warnings": [warning["code"] for warning in intake.warnings],
        }
        if events
        else {},
    }


def write_report(report: dict[str, Any], out: Path) -> None:
    """Write ``report.json`` and ``report.html``."""
    text = json.dumps(report, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    (out / "report.json").write_text(text, encoding="utf-8")
    (out / "report.html").write_text(report_page(report), encoding="utf-8")
