"""The second stage: order what retrieval proposed.

``table``            candidates of past moments with features and graded relevance
``new_items``        some of those moments once more, among what is new to the visitor
``ranker``           CatBoost YetiRank on that table, and its trees as plain arrays
``scorer``           the same predictions from the arrays alone: numpy, no CatBoost
``scoring``          candidates to features to scores, for serving, calibration and evaluation alike
``tuning``           the ranker's parameters: searched with the quick loss, decided with the served
``later_slice``      how well a ranker does at moments later than all that it learned from
``source_ablation``  the scores as they would be without a source
"""

__all__: list[str] = []
