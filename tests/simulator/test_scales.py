import pytest

from endcap.errors import ConfigError
from endcap.simulator.scales import DEMO, RETAILROCKET, SCALES, scale_named


def test_a_scale_is_found_by_name() -> None:
    assert scale_named("demo") is DEMO
    assert list(SCALES) == ["tiny", "demo", "retailrocket"]


def test_an_unknown_scale_is_refused_naming_the_known() -> None:
    with pytest.raises(ConfigError, match="tiny, demo, retailrocket"):
        scale_named("huge")


def test_retailrocket_has_the_published_totals() -> None:
    totals = (RETAILROCKET.views, RETAILROCKET.carts, RETAILROCKET.transactions)
    assert totals == (2_664_312, 69_332, 22_457)
    assert sum(totals) == 2_756_101
    assert (RETAILROCKET.end_ms - RETAILROCKET.start_ms) == 138 * 86_400_000
