"""The price list: dated, by region, replaceable. A price that is not in it is unknown."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from endcap.errors import ConfigError


@dataclass(frozen=True)
class PriceList:
    """One region's prices in US dollars, by name; the unit is the end of the name."""

    region: str
    as_of: str
    source: str
    prices: Mapping[str, float]

    def get(self, name: str) -> float | None:
        """Return a price, or None where it is unknown."""
        return self.prices.get(name)


def read_prices(region: str, file: Path | None = None) -> PriceList:
    """Return a region's prices from a TOML file, by default the one that comes with Endcap.

    A region that the file does not have has no known price. Raises `ConfigError`.
    """
    try:
        text = (
            (files("endcap.costs") / "prices.toml").read_text(encoding="utf-8")
            if file is None
            else file.read_text(encoding="utf-8")
        )
        content = tomllib.loads(text)
        prices = {
            str(name): float(price) for name, price in content["regions"].get(region, {}).items()
        }
        return PriceList(region, str(content["as_of"]), str(content["source"]), prices)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise ConfigError(f"{file or 'prices.toml'} is no price list: {exc}") from exc
