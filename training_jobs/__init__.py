"""Doorways of the workflow that outgrow a Lambda function: ``python -m training_jobs.<verb_noun>``.

`entry_point` is what all of them share. What to do comes from the environment, as the state machine
sets it: ``ENDCAP_RUN_ID``, and ``ENDCAP_FOLD`` where a fold is meant.
"""

__all__: list[str] = []
