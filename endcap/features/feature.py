"""What is said of a feature."""

from dataclasses import dataclass
from typing import Literal

Side = Literal["item", "user", "source"]


@dataclass(frozen=True)
class Feature:
    """One column of the feature matrix.

    `family` names the module that computes it, `unit` what it is counted in, `description` its
    formula, `missing` what makes it NaN ("never" if nothing does), `window` the stretch of time or
    of the history that it looks at.
    """

    name: str
    family: str
    side: Side
    unit: str
    description: str
    missing: str = "never"
    dtype: str = "float32"
    window: str = "as of the cut"
