"""One independent random stream per part of the shop.

A part draws from its own stream, so a change in one part leaves the others as they were.
"""

import zlib

import numpy as np


def stream(seed: int, part: str) -> np.random.Generator:
    """Return the generator of `part`; same seed and name, same draws on every machine."""
    return np.random.default_rng([seed, zlib.crc32(part.encode())])
