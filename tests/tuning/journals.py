"""A journal in memory."""

from dataclasses import dataclass, field

from endcap.tuning.study import KeptTrial


@dataclass
class MemoryJournal:
    """A `Journal`."""

    kept: list[KeptTrial] = field(default_factory=list)

    def read(self) -> list[KeptTrial]:
        return list(self.kept)

    def keep(self, trial: KeptTrial) -> KeptTrial:
        assert trial.trial.number == len(self.kept)
        self.kept.append(trial)
        return trial
