"""The same load on other designs, from the same price list."""

from typing import Final

from endcap.costs.estimate import HOURS_A_MONTH, Line, Load, read_measured
from endcap.costs.prices import PriceList

NODES: Final = 3
NODE_DISK_GB: Final = 50
_CALLS_PER_LCU_HOUR: Final = 25 * 3600
"""A load balancer's unit takes 25 new connections a second."""
_BUSY_SHARE: Final = 0.25
"""Of an hour's capacity at its peak, what a shop uses on average over day and night."""
_TRAINING_HOURS_PER_MILLION: Final = (2.0, 8.0)


def kubernetes_bill(load: Load, prices: PriceList) -> list[Line]:
    """Return what a cluster costs: a control plane, three nodes, a load balancer, their disks."""
    units = max((load.requests + load.events) / _CALLS_PER_LCU_HOUR, HOURS_A_MONTH)
    return [
        _line("EKS", "control plane", HOURS_A_MONTH, "eks_cluster_hour", prices),
        _line("EC2", f"{NODES} nodes m5.large", NODES * HOURS_A_MONTH, "m5_large_hour", prices),
        _line("EBS", "their disks", NODES * NODE_DISK_GB, "ebs_gp3_gb_month", prices),
        _line("Load balancer", "hours", HOURS_A_MONTH, "alb_hour", prices),
        _line("Load balancer", "capacity units", units, "alb_lcu_hour", prices),
    ]


def personalize_bill(load: Load, prices: PriceList, *, trainings: float) -> list[Line]:
    """Return what Amazon Personalize's custom recipes cost: ingestion, training, inference.

    Inference is paid by the hour of provisioned or used requests a second, at least one; training
    by normalised hours, of which the service itself decides how many.
    """
    gb = load.events * read_measured()["event_bytes"] / 1e9
    per_second = max(load.requests / (HOURS_A_MONTH * 3600), 1.0)
    hours = [
        trainings * max(each * load.events * load.months / 1e6, 1.0)
        for each in _TRAINING_HOURS_PER_MILLION
    ]
    price = prices.get("personalize_training_hour")
    low, high = (None if price is None else price * h for h in hours)
    peak = _line(
        "Personalize",
        "inference",
        per_second / (1 if per_second == 1.0 else _BUSY_SHARE) * HOURS_A_MONTH,
        "personalize_tps_hour",
        prices,
    )
    steady = _line(
        "Personalize", "inference", per_second * HOURS_A_MONTH, "personalize_tps_hour", prices
    )
    return [
        _line("Personalize", "ingestion", gb, "personalize_ingest_gb", prices),
        Line("Personalize", "training", "use", low, high),
        Line("Personalize", "inference", "use", steady.low, peak.high),
    ]


def _line(service: str, what: str, amount: float, name: str, prices: PriceList) -> Line:
    price = prices.get(name)
    cost = None if price is None else amount * price
    return Line(service, what, "standing", cost, cost)
