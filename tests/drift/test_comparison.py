import numpy as np
import pytest
from scipy.stats import ks_2samp

from endcap.drift.comparison import Columns, DriftReport, compare


def normal(seed: int, *, mean: float = 0.0, n: int = 2_000) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 1.0, n)


def compared(reference: Columns, current: Columns, *, min_statistic: float = 0.1) -> DriftReport:
    return compare(reference, current, level=0.01, min_statistic=min_statistic, min_values=100)


def test_a_shifted_column_has_drifted_and_the_others_have_not() -> None:
    reference = {"price": normal(1), "hour": normal(2)}
    current = {"price": normal(3, mean=0.5), "hour": normal(4)}

    report = compared(reference, current)

    price, hour = report.columns
    assert (price.column, price.drifted, hour.drifted) == ("price", True, False)
    assert report.drifted_share == 0.5
    told = ks_2samp(reference["price"], current["price"])
    assert price.statistic == pytest.approx(told.statistic)
    # Of two columns, the smaller p-value counts twice (Holm).
    assert price.p_value == pytest.approx(2 * told.pvalue)


def test_the_same_distribution_is_found_to_drift_as_seldom_as_promised() -> None:
    found = 0
    for seed in range(300):
        reference = {str(k): normal(1000 + 20 * seed + k, n=150) for k in range(10)}
        current = {str(k): normal(9000 + 20 * seed + k, n=150) for k in range(10)}
        report = compare(reference, current, level=0.1, min_statistic=0.0, min_values=100)
        found += report.drifted_share > 0
    # 300 trials at a level of 0.1: 30 expected, 48 is three standard deviations above.
    assert found <= 48


def test_a_trifle_is_no_drift_however_sure() -> None:
    reference, current = {"x": normal(1, n=100_000)}, {"x": normal(2, mean=0.1, n=100_000)}

    (column,) = compared(reference, current).columns
    assert column.p_value is not None
    assert column.p_value < 1e-9
    assert not column.drifted
    assert compared(reference, current, min_statistic=0.01).columns[0].drifted


def test_too_few_values_prove_nothing() -> None:
    few = np.append(normal(1, mean=9.0, n=99), [np.nan] * 500)

    report = compared({"x": normal(2)}, {"x": few})

    (column,) = report.columns
    assert (column.n_current, column.statistic, column.drifted) == (99, None, False)
    assert not report.is_conclusive


def test_a_report_is_plain_json() -> None:
    report = compared({"x": normal(1)}, {"x": normal(2, mean=1.0)}).to_dict()

    assert report["drifted_share"] == 1.0
    assert type(report["columns"][0]["drifted"]) is bool
