"""The models that a running service answers with, exchanged behind its back."""

import logging
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from endcap.dataset.histories import Histories
from endcap.errors import ConfigError, EndcapError, LakeError, NotFoundError
from endcap.ports import Lake
from endcap.registry.bundle import BundleManifest, Verified
from endcap.registry.promotion import Champion
from endcap.serving.model import ServingModel
from endcap.serving.recommend import recommend
from endcap.serving.slates import SlateRequest
from endcap.use_cases.champions import open_model, read_champion
from endcap.use_cases.lake_layout import model_path

_LOG: Final = logging.getLogger(__name__)

PINNED_AT_ONCE: Final = 2
"""Models kept loaded beside the one that serves, for requests that name a version."""
LONGEST_REST: Final = 16
"""Checks that are passed over, at most, before a model that would not load is tried again."""


@dataclass(frozen=True, eq=False, repr=False)
class LiveModel:
    """A loaded model, warmed up; `loaded_at_ms`: UTC epoch ms."""

    manifest: BundleManifest
    model: ServingModel
    loaded_at_ms: int

    @property
    def version(self) -> str:
        """The version of the model."""
        return self.manifest.version


@dataclass(frozen=True)
class LiveStatus:
    """What serves, what should, and what keeps it from doing so.

    `serving` and `champion`: versions, or None. `loaded_at_ms` of what serves; `checked_at_ms`:
    when the champion record was last read. `problem`: one sentence, or None while all is well.
    """

    serving: str | None
    champion: str | None
    loaded_at_ms: int | None
    checked_at_ms: int | None
    problem: str | None


class LiveModels:
    """One model at a time for all requests, and a few more by version.

    `refresh` is called from the background. Only it and `pinned` load anything; `current` hands out
    one reference, so a request that asks once never sees half of two models. A model that does not
    load leaves the one before it serving.

    Parameters
    ----------
    lake
        Where champion record and bundles lie.
    clock
        Returns the present, UTC epoch ms.
    verified
        Knows which files had their hashes when they were loaded before; without it all are hashed.
    """

    def __init__(
        self, lake: Lake, *, clock: Callable[[], int], verified: Verified | None = None
    ) -> None:
        self._lake = lake
        self._verified = verified
        self._clock = clock
        self._current: LiveModel | None = None
        self._status = LiveStatus(None, None, None, None, "no model was loaded yet")
        self._pinned: OrderedDict[str, LiveModel] = OrderedDict()
        self._loading = threading.Lock()
        self._failed: str | None = None
        self._rest = 0
        self._next_rest = 1

    @property
    def current(self) -> LiveModel | None:
        """The model that serves, or None if none could be loaded yet."""
        return self._current

    @property
    def status(self) -> LiveStatus:
        """How things stand, as of the last refresh."""
        return self._status

    def refresh(self) -> None:
        """Look at the champion record and serve the champion, if it can be. Never raises ours."""
        with self._loading:
            try:
                champion, _ = read_champion(self._lake)
            except LakeError as exc:
                self._note(self._status.champion, f"the champion record cannot be read: {exc}")
                self._serve_any(None)
                return
            if champion is None:
                self._note(None, "there is no champion yet; `endcap run` makes one")
                self._serve_any(None)
                return
            self._serve_champion(champion)

    def pinned(self, version: str) -> LiveModel:
        """Return a model by its version, loaded if need be, for whoever is debugging.

        Raises `NotFoundError` if there is none, `LakeError` or `ConfigError` if it does not load.
        """
        current = self._current
        if current is not None and current.version == version:
            return current
        with self._loading:
            if version not in self._pinned:
                self._pinned[version] = self._load(version)
                while len(self._pinned) > PINNED_AT_ONCE:
                    self._pinned.popitem(last=False)
            self._pinned.move_to_end(version)
            return self._pinned[version]

    def _serve_champion(self, champion: Champion) -> None:
        current = self._current
        if current is not None and current.version == champion.version:
            self._note(champion.version, None)
            return
        if self._failed == champion.version and self._rest > 0:
            self._rest -= 1
            self._note(champion.version, self._status.problem)
            return
        try:
            self._swap(self._load(champion.version))
        except (LakeError, NotFoundError, ConfigError) as exc:
            self._has_failed(champion.version)
            self._note(champion.version, f"{champion.version} does not load: {exc}")
            self._serve_any(champion)
        else:
            self._failed = None
            self._note(champion.version, None)

    def _serve_any(self, champion: Champion | None) -> None:
        """Where nothing serves yet, serve what loads: the champion's predecessor, or the newest."""
        if self._current is not None:
            return
        for version in self._others(champion):
            try:
                self._swap(self._load(version))
            except (LakeError, NotFoundError, ConfigError) as exc:
                _LOG.warning("%s does not load either: %s", version, exc)
            else:
                self._note(self._status.champion, self._status.problem)
                return

    def _others(self, champion: Champion | None) -> Iterator[str]:
        before = None if champion is None else champion.promoted_from
        if before is not None:
            yield before
        tried = {before, None if champion is None else champion.version}
        try:
            # Not `read_models`, which one manifest that cannot be read would spoil. A version
            # begins with its cut: the newest comes first.
            paths = sorted(self._lake.list_folders(model_path()), reverse=True)
        except EndcapError as exc:
            _LOG.warning("the models cannot be listed: %s", exc)
            return
        known = (path.rsplit("/", 1)[-1] for path in paths)
        yield from (version for version in known if version not in tried)

    def _load(self, version: str) -> LiveModel:
        # Whatever a request takes from the model keeps it, and so its files, until it is done.
        with ExitStack() as stack:
            manifest, model = stack.enter_context(
                open_model(self._lake, version, verify=True, verified=self._verified)
            )
            model.warm_up()
            # The first answer is slow: nobody waits for this one.
            recommend(model, Histories.of_one_event(0, self._clock()), SlateRequest())
            live = LiveModel(manifest, model, self._clock())
            weakref.finalize(model, stack.pop_all().close)
            return live

    def _swap(self, live: LiveModel) -> None:
        self._current = live
        self._pinned.pop(live.version, None)
        _LOG.info("serving %s", live.version)

    def _has_failed(self, version: str) -> None:
        doubled = min(2 * self._next_rest, LONGEST_REST)
        self._next_rest = doubled if self._failed == version else 1
        self._failed, self._rest = version, self._next_rest

    def _note(self, champion: str | None, problem: str | None) -> None:
        if problem is not None and problem != self._status.problem:
            _LOG.error("%s", problem)
        current = self._current
        self._status = LiveStatus(
            serving=None if current is None else current.version,
            champion=champion,
            loaded_at_ms=None if current is None else current.loaded_at_ms,
            checked_at_ms=self._clock(),
            problem=problem,
        )
