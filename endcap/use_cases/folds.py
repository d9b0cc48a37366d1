"""The names of a run's folds, as `endcap.dataset.splits.plan_folds` gives them."""

from typing import Final

RANKING: Final = "ranking"
"""The ranker learns from the moments in its window."""
CALIBRATION: Final = "calibration"
"""What the ranker's scores mean is learnt from the moments in its window."""
TEST: Final = "test"
"""Nothing is fitted on its window."""
SERVING: Final = "serving"
"""What is served: everything before the end of the log, and no window."""

LABELLED: Final = (RANKING, CALIBRATION, TEST)
"""The folds with moments to predict."""
