"""Lambda function: one shard's candidates and features."""

__all__: list[str] = []
