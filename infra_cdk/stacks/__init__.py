"""The stacks of one stage in one region."""
