"""The anatomy of a scoreboard as plain text."""

from endcap.evaluation.aligned_text import interval, table
from endcap.evaluation.anatomy import Anatomy, BaselineChoice


def anatomy_lines(anatomy: Anatomy, confidence: float) -> list[str]:
    """Return what the sources, the features and the baselines' settings were, line by line."""
    return [
        *_sources(anatomy, confidence),
        "",
        f"the {len(anatomy.importance)} most important features, percent",
        *table([[name, f"{share:.1f}"] for name, share in anatomy.importance]),
        "",
        _judged(anatomy),
        f"the test slice, trials fitted on the newest {anatomy.fitted_on:,} events before those",
        *_baselines(anatomy),
    ]


def _sources(anatomy: Anatomy, confidence: float) -> list[str]:
    """Return one row a source: what it found, and what is lost without it."""
    metrics = next((list(source.losses) for source in anatomy.sources.values()), [])
    rows = [["source", "found", "alone", *metrics]]
    rows += [
        [
            name,
            f"{source.found:.4f}",
            f"{source.found_alone:.4f}",
            *(interval(source.losses[metric]) for metric in metrics),
        ]
        for name, source in anatomy.sources.items()
    ]
    return [
        _asked(anatomy),
        f"the full stack minus itself without that source, with {confidence:.0%} interval; the",
        "ranker is not fitted anew, so a loss may be its surprise at what is missing",
        *table(rows),
    ]


def _asked(anatomy: Anatomy) -> str:
    ceiling = f"(all: {anatomy.found:.4f})"
    return (
        f"next_interaction by source: share of next items found {ceiling}, found by it alone, and"
    )


def _judged(anatomy: Anatomy) -> str:
    moments = f"{anatomy.judged_by:,} moments before"
    return f"baselines: ndcg of the run's settings and of the chosen ones on {moments}"


def _baselines(anatomy: Anatomy) -> list[str]:
    """Return one line a baseline that has settings."""
    tuned = {name: choice for name, choice in anatomy.baselines.items() if choice.settings}
    rows = [["baseline", "trials", "run's", "chosen"]]
    rows += [
        [name, str(choice.trials), f"{choice.default_score:.4f}", f"{choice.score:.4f}"]
        for name, choice in tuned.items()
    ]
    settings = ["", *map(_settings, tuned.values())]
    return [f"{line}  {text}".rstrip() for line, text in zip(table(rows), settings, strict=True)]


def _settings(choice: BaselineChoice) -> str:
    """Return settings as text, without the section that all of a baseline's are in."""
    return " ".join(f"{name.split('.')[-1]}={value:g}" for name, value in choice.settings.items())
