"""Lambda function: a refusal, kept with its reasons."""

__all__: list[str] = []
