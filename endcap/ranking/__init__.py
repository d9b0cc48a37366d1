"""The second stage: order what retrieval proposed.

``table``            candidates of past moments with features and graded relevance
``ranker``           CatBoost YetiRank on that table, and its trees as plain arrays
``scorer``           the same predictions from the arrays alone: numpy, no CatBoost
``scoring``          candidates to features to scores, for serving, calibration and evaluation alike
``tuning``           Optuna over the ranker's parameters, validated on the newest groups
``source_ablation``  the scores as they would be without a source
"""

__all__: list[str] = []
