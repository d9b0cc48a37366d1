import io
import json

from endcap.adapters.embedded_metrics import EmbeddedMetrics
from endcap.ports import Measured


def test_numbers_are_one_line_that_cloudwatch_reads() -> None:
    stream = io.StringIO()
    sink = EmbeddedMetrics(stream, deployment="shop-prod")

    sink.put([Measured("Events", 3.0, "Count"), Measured("Share", 0.5, "None")], now_ms=17)

    (line,) = stream.getvalue().splitlines()
    content = json.loads(line)
    (directive,) = content["_aws"]["CloudWatchMetrics"]
    assert content["_aws"]["Timestamp"] == 17
    assert directive["Namespace"] == "Endcap"
    assert directive["Metrics"] == [
        {"Name": "Events", "Unit": "Count"},
        {"Name": "Share", "Unit": "None"},
    ]
    # Every name and dimension that is declared is a member of the line itself.
    for names in directive["Dimensions"]:
        assert [content[name] for name in names] == ["shop-prod"]
    assert (content["Events"], content["Share"]) == (3.0, 0.5)


def test_nothing_measured_is_no_line() -> None:
    stream = io.StringIO()
    EmbeddedMetrics(stream, deployment="shop").put([], now_ms=1)
    assert stream.getvalue() == ""
