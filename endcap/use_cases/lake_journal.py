"""A search's trials as small objects of the lake, one each, so that a killed search goes on."""

from dataclasses import dataclass

from endcap.errors import ConflictError, CorruptArtifactError
from endcap.ports import ABSENT, Lake
from endcap.tuning.study import KeptTrial
from endcap.use_cases.lake_layout import trial_path


@dataclass(frozen=True)
class LakeJournal:
    """The `Journal` of one search: `key` is the fingerprint of all that its scores depend on."""

    lake: Lake
    study: str
    key: str

    def read(self) -> list[KeptTrial]:
        """Return the trials that are there, up to the first that is missing.

        Raises `CorruptArtifactError` naming an object that is none.
        """
        kept: list[KeptTrial] = []
        while (trial := self._read(len(kept))) is not None:
            kept.append(trial)
        return kept

    def keep(self, trial: KeptTrial) -> KeptTrial:
        """Keep a trial, and return it, or the one that another start of the step kept before."""
        number = trial.trial.number
        try:
            self.lake.write(self._path(number), trial.to_json().encode(), expected=ABSENT)
        except ConflictError:
            return self._read(number) or trial
        return trial

    def _read(self, number: int) -> KeptTrial | None:
        path = self._path(number)
        found = self.lake.read(path)
        if found is None:
            return None
        try:
            return KeptTrial.from_json(found.data)
        except ValueError as exc:
            raise CorruptArtifactError(
                f"{path} in {self.lake.uri} cannot be read as a trial ({exc}); delete it and those "
                "after it, and they run again"
            ) from exc

    def _path(self, number: int) -> str:
        return trial_path(self.study, self.key, number)
