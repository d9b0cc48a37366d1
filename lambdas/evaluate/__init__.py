"""Lambda function: the scoreboard."""

__all__: list[str] = []
