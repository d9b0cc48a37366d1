"""The champion record and the bundles, in the lake."""

from collections.abc import Iterator
from contextlib import contextmanager

from endcap.config_serving import REMEDY, ServingConfig
from endcap.dataset.histories import EventTypes
from endcap.errors import ConfigError, NotFoundError
from endcap.features.item_table import ItemTable
from endcap.features.registry import FEATURES
from endcap.ports import ABSENT, Lake
from endcap.ranking.scorer import TreeScorer
from endcap.registry.bundle import Bundle, BundleManifest, Verified, load_bundle
from endcap.registry.promotion import CHAMPION_PATH, Champion
from endcap.retrieval.union import load_sources
from endcap.serving.model import ServingModel
from endcap.serving.shortcuts import Shortcuts
from endcap.uncertainty.calibration import Calibration
from endcap.use_cases.lake_layout import model_path


def read_champion(lake: Lake) -> tuple[Champion | None, str]:
    """Return the champion, or None, and the tag to replace it by.

    Raises `CorruptArtifactError` for a record that is not whole.
    """
    found = lake.read(CHAMPION_PATH)
    return (None, ABSENT) if found is None else (Champion.from_bytes(found.data), found.tag)


def write_champion(lake: Lake, champion: Champion, *, expected: str) -> None:
    """Replace the champion record that had the tag `expected`. Raises `ConflictError`."""
    lake.write(CHAMPION_PATH, champion.to_bytes(), expected=expected)


def install_champion(lake: Lake, champion: Champion, *, expected: str) -> None:
    """Write the champion's record, and say which models are still needed.

    The storage may forget every model but the new champion and the one it replaces: these two are
    kept before the record says so, and the others retired after. Raises `ConflictError`, and
    `NotFoundError` if the model is not there.
    """
    lake.set_retired(champion.path, retired=False)
    write_champion(lake, champion, expected=expected)
    needed = {champion.path}
    if champion.promoted_from is not None:
        needed.add(model_path(champion.promoted_from))
    for path in lake.list_folders(model_path()):
        if path not in needed:
            lake.set_retired(path, retired=True)


def require_champion(lake: Lake) -> Champion:
    """Return the champion. Raises `NotFoundError` if there is none."""
    champion, _ = read_champion(lake)
    if champion is None:
        raise NotFoundError(f"no champion in {lake.uri}; run `endcap run --lake {lake.uri}` first")
    return champion


@contextmanager
def open_model(
    lake: Lake,
    version: str | None = None,
    *,
    verify: bool = False,
    verified: Verified | None = None,
) -> Iterator[tuple[BundleManifest, ServingModel]]:
    """Give a model's manifest and the model: the champion's, or that of `version`.

    Its arrays may be mapped from the lake while the context lasts. `verify`: whether every byte is
    checked by its hash, or the files' sizes alone; `verified`: knows which were. Raises
    `NotFoundError` if there is none, `CorruptArtifactError` if its files are not what its manifest
    says, `ConfigError` if another release of Endcap made it with settings or features that
    this one does not know.
    """
    version = version or require_champion(lake).version
    path = model_path(version)
    if lake.manifest(path) is None:
        raise NotFoundError(f"no model {version!r} in {lake.uri}; `endcap models list` shows them")
    with lake.open(path) as folder:
        bundle = load_bundle(folder, verify=verify, verified=verified)
        yield bundle.manifest, _to_model(bundle)


def _to_model(bundle: Bundle) -> ServingModel:
    scorer = TreeScorer.load(bundle.ranker)
    if scorer.n_features != len(FEATURES):
        raise ConfigError(
            f"model {bundle.version} was fitted on {scorer.n_features} features, and this release "
            f"of Endcap computes {len(FEATURES)}: {REMEDY}"
        )
    return ServingModel(
        sources=load_sources(bundle.retrieval),
        items=ItemTable.load(bundle.item_table),
        scorer=scorer,
        calibration=Calibration.from_json(bundle.calibration.read_text(encoding="utf-8")),
        item_ids=bundle.item_ids,
        event_types=EventTypes.load(bundle.event_types),
        config=ServingConfig.of(bundle.manifest.config, name=f"model {bundle.version}"),
        shortcuts=None if bundle.shortcuts is None else Shortcuts.load(bundle.shortcuts),
    )
