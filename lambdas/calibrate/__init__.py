"""Lambda function: scores to probabilities and intervals."""

__all__: list[str] = []
