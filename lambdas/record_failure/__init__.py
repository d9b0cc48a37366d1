"""Lambda function: what stopped a run."""

__all__: list[str] = []
