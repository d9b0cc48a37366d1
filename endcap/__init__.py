"""Endcap: a serverless recommender for online shops.

Everything in this package is computation, except ``adapters`` (talks to AWS or disk) and
``bootstrap`` (chooses which). Everything outside it is a doorway.
"""

__version__ = "0.1.0"
__all__ = ["__version__"]
