"""Aligned columns for a terminal."""

from collections.abc import Collection, Sequence


def text_table(rows: Sequence[Sequence[str]], *, right: Collection[int] = ()) -> list[str]:
    """Return one line a row, columns as wide as their longest cell and two blanks apart.

    All rows have the same number of cells; the columns in `right` are aligned right.

    >>> text_table([["item", "score"], ["sku-1234", "9"]], right=[1])
    ['item      score', 'sku-1234      9']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_cells(row, widths, right)).rstrip() for row in rows]


def _cells(row: Sequence[str], widths: Sequence[int], right: Collection[int]) -> list[str]:
    return [
        cell.rjust(width) if column in right else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
