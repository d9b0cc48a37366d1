"""Whether the traffic of today is still like the traffic that the model was made for."""
