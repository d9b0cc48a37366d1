"""What the doorways call: one verb a file.

A step of the training workflow takes ``(request, lake)`` and returns small facts. ``runs`` holds
what all steps share: the run's record, and the rule that a step whose inputs did not change is not
computed again. In the order of the workflow: ``validate_and_clean``, ``build_features``,
``train_retrieval``, ``plan_candidates``, ``generate_candidates``, ``tune_ranker``,
``train_ranker``, ``calibrate``, ``evaluate``, ``register_model``, ``check_gate``, ``promote`` or
``keep_champion``, ``publish_recommendations``; ``record_failure`` when one of them fails.
``evaluate`` begins with steps of their own: ``tune_baselines``, ``answer_baselines``, ``rank_als``.

``plan_candidates`` and ``tune_ranker`` search parameters; ``lake_journal`` keeps their trials, and
``tuned_retrieval`` says what the sources are asked for.

For readers: ``recommend_batch``, ``recommend_user``, ``list_models``, ``read_scoreboard``.
"""

__all__: list[str] = []
