"""What a deployment costs, worked out from its templates, a price list, and measured work."""
