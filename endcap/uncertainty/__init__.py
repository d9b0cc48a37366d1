"""How sure the recommender is.

``calibration``  scores to a probability and an interval: plain arrays, what serving loads
``conformal``    fit a calibration with MAPIE on the calibration fold
``coverage``     how often intervals hold on a later, unseen slice
"""

__all__: list[str] = []
