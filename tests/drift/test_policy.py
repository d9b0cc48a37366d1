import pytest

from endcap.drift.policy import RetrainingDecision, RetrainingPolicy, decide

DAY_MS = 86_400_000
NOW_MS = 1_700_000_000_000
POLICY = RetrainingPolicy(drifted_share=0.3, cooldown_days=3, max_per_month=2)


def decided(
    drifted_share: float | None, asked_days_ago: tuple[float, ...] = (), promoted: float = 30
) -> RetrainingDecision:
    return decide(
        drifted_share=drifted_share,
        asked_ms=[NOW_MS - int(days * DAY_MS) for days in asked_days_ago],
        promoted_ms=NOW_MS - int(promoted * DAY_MS),
        policy=POLICY,
        now_ms=NOW_MS,
    )


@pytest.mark.parametrize(
    ("share", "retrain"), [(None, False), (0.29, False), (0.3, True), (1, True)]
)
def test_drift_from_the_set_share_on_asks_for_training(share: float | None, retrain: bool) -> None:
    assert decided(share).retrain is retrain


def test_training_waits_after_a_promotion_and_after_it_was_asked_for() -> None:
    after_promotion = decided(1.0, promoted=1)
    assert not after_promotion.retrain
    assert after_promotion.reasons
    assert after_promotion.held_back == ("the last training is too recent: 2.0 more days",)
    assert not decided(1.0, (2.9,)).retrain
    assert decided(1.0, (3.1,)).retrain


def test_training_is_asked_for_only_so_often_a_month() -> None:
    held = decided(1.0, (5, 10))
    assert not held.retrain
    assert "2 trainings were asked for within 30 days" in held.held_back[0]
    assert decided(1.0, (5, 31)).retrain


def test_without_drift_nothing_is_held_back_in_vain() -> None:
    assert decided(0.0, (1,)) == RetrainingDecision(
        False, (), ("the last training is too recent: 2.0 more days",)
    )
