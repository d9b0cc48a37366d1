"""Lambda function: whether the traffic has drifted."""

__all__: list[str] = []
