"""Lambda function: recommendations for one shard of a batch."""

__all__: list[str] = []
