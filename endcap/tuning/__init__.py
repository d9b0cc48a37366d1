"""Searches for parameters within a budget, which go on where they were killed.

``study``  Optuna's trials one after the other, each kept in a journal as it ends
"""

__all__: list[str] = []
