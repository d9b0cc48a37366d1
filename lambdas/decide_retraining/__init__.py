"""Lambda function: whether to ask for training."""

__all__: list[str] = []
