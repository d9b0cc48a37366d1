from endcap.use_cases.text_table import text_table


def test_columns_are_as_wide_as_their_widest_cell_and_two_blanks_apart() -> None:
    rows = [["item", "score", "source"], ["a-very-long-id", "0.5", "als"], ["b", "10.25", ""]]

    assert text_table(rows, right=[1]) == [
        "item            score  source",
        "a-very-long-id    0.5  als",
        "b               10.25",
    ]


def test_no_rows_are_no_lines() -> None:
    assert text_table([]) == []
