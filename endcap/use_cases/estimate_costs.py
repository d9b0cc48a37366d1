"""What a deployment will cost, before it is deployed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from endcap.costs.alternatives import kubernetes_bill, personalize_bill
from endcap.costs.deployed import read_deployed
from endcap.costs.estimate import Line, Load, idle_bill, monthly_bill, total, training_bill
from endcap.costs.prices import read_prices
from endcap.use_cases.text_table import text_table


def estimate_costs(assembly: Path, load: Load, *, prices: Path | None = None) -> dict[str, Any]:
    """Return bills in US dollars by the templates in `assembly`: see `endcap.costs`.

    ``month``, ``training`` (one run), ``idle`` (a month without any use), ``kubernetes`` and
    ``personalize`` (the same load there) have ``lines``, ``low``, ``high`` and ``unknown``, the
    lines without a known price. Also ``region`` and ``prices``, where these come from. Raises
    `NotFoundError` for templates that are not there, `ConfigError`.
    """
    deployed = read_deployed(assembly)
    listed = read_prices(deployed.region, prices)
    bills = {
        "month": monthly_bill(deployed, load, listed),
        "training": training_bill(deployed, load, listed),
        "idle": idle_bill(deployed, listed, load),
        "kubernetes": kubernetes_bill(load, listed),
        "personalize": personalize_bill(load, listed, trainings=deployed.trainings),
    }
    return {
        "region": deployed.region,
        "prices": {"as_of": listed.as_of, "source": listed.source},
        "trainings_a_month": round(deployed.trainings, 2),
        **{name: _bill(lines) for name, lines in bills.items()},
    }


def describe_costs(costs: Mapping[str, Any]) -> str:
    """Return an estimate as text."""
    month = costs["month"]
    rows = [["service", "what", "low $", "high $"]] + [
        [line["service"], line["what"], _dollars(line["low"]), _dollars(line["high"])]
        for line in month["lines"]
    ]
    rows.append(["a month", "", *_sums(month)])
    others = {
        "one training run": costs["training"],
        "a month without any use": costs["idle"],
        "three nodes on EKS": costs["kubernetes"],
        "Amazon Personalize": costs["personalize"],
    }
    beside = [["beside it", "low $", "high $"]] + [
        [name, *_sums(bill)] for name, bill in others.items()
    ]
    unknown = sorted({name for bill in (month, *others.values()) for name in bill["unknown"]})
    kinds = sorted({line["kind"] for line in costs["idle"]["lines"]})
    return "\n".join(
        [
            *text_table(rows, right=[2, 3]),
            "",
            *text_table(beside, right=[1, 2]),
            "",
            f"Without any use it is paid for: {', '.join(kinds) or 'nothing'}",
            *(["No known price, and so in no sum: " + ", ".join(unknown)] if unknown else []),
            f"{costs['region']}, US dollars, {costs['trainings_a_month']} trainings a month",
            f"List prices of {costs['prices']['as_of']}: {costs['prices']['source']}",
        ]
    )


def _bill(lines: Sequence[Line]) -> dict[str, Any]:
    low, high, unknown = total(list(lines))
    return {
        "low": round(low, 2),
        "high": round(high, 2),
        "unknown": unknown,
        "lines": [
            {
                "service": line.service,
                "what": line.what,
                "kind": line.kind,
                "low": line.low,
                "high": line.high,
            }
            for line in lines
        ],
    }


def _sums(bill: Mapping[str, Any]) -> list[str]:
    """Return a bill's sums, marked where part of it is unknown."""
    if len(bill["unknown"]) == len(bill["lines"]) > 0:
        return ["unknown", "unknown"]
    mark = "> " if bill["unknown"] else ""
    return [mark + _dollars(bill["low"]), mark + _dollars(bill["high"])]


def _dollars(amount: float | None) -> str:
    return "unknown" if amount is None else f"{amount:,.2f}"
