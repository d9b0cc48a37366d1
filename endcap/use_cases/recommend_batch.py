"""A file of histories in, a file of recommendations out."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final, TextIO

from endcap.errors import NotFoundError, UserInputError
from endcap.ports import Lake
from endcap.registry.bundle import BundleManifest
from endcap.serving.answers import to_items
from endcap.serving.model import ServingModel
from endcap.serving.recommend import recommend
from endcap.serving.requests import read_histories
from endcap.serving.slates import SlateRequest
from endcap.use_cases.batch_lines import BatchLine, parse_line
from endcap.use_cases.champions import open_model

LINES_AT_ONCE: Final = 500
"""Bounds what is in memory, however long the file."""


def recommend_batch(
    lake: Lake,
    input_file: Path,
    output_file: Path,
    *,
    k: int,
    include_seen: bool,
    version: str | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> int:
    """Answer each line of `input_file` with one line of `output_file`, in order.

    A line of the input is a `batch_lines.BatchLine`, one of the output has ``id`` (as it was
    given), ``model_version`` and ``items`` (see `serving.answers`). Blank lines are passed over.
    The output appears whole or not at all.

    Parameters
    ----------
    k
        Items an answer; fewer only where the catalogue has no more.
    include_seen
        Whether items of the history may come back.
    version
        Which model answers; the champion if None.
    on_progress
        Called with the number of lines answered so far.

    Returns
    -------
    int
        The number of answers.

    Raises
    ------
    DatasetError
        Naming the first line that is no request.
    NotFoundError
        There is no such input file, output folder or model.
    UserInputError
        `output_file` is no file that could be replaced.
    """
    if not input_file.exists() or input_file.is_dir():
        raise NotFoundError(f"no file {input_file}: --input names a file of JSON lines")
    request = SlateRequest(k=k, include_seen=include_seen)
    done = 0
    with appearing(output_file) as stream, open_model(lake, version) as (manifest, model):
        requests = _read_requests(input_file)
        while lines := list(islice(requests, LINES_AT_ONCE)):
            stream.writelines(_answer(lines, model, manifest, request))
            done += len(lines)
            if on_progress is not None:
                on_progress(done)
    return done


@contextmanager
def appearing(file: Path) -> Iterator[TextIO]:
    """Give a stream whose text becomes `file`, whole, when the context ends without an error.

    Raises `NotFoundError` if its folder is missing, `UserInputError` if `file` is a folder or a
    device.
    """
    if not file.parent.is_dir():
        raise NotFoundError(f"no folder {file.parent} to write into")
    if file.exists() and not file.is_file():
        raise UserInputError(f"{file} is not a file that could be replaced")
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8") as stream:
            yield stream
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def _read_requests(file: Path) -> Iterator[BatchLine]:
    with file.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield parse_line(line, file=file, number=number)


def _answer(
    lines: Sequence[BatchLine], model: ServingModel, manifest: BundleManifest, request: SlateRequest
) -> Iterator[str]:
    given = [line.to_given() for line in lines]
    read = read_histories(given, model, default_now_ms=manifest.cut_ms)
    slates = recommend(model, read.histories, request)
    ignored = zip(read.future.tolist(), read.duplicates.tolist(), strict=True)
    for line, slate, (future, duplicates) in zip(lines, slates, ignored, strict=True):
        answer: dict[str, Any] = {
            "id": line.id,
            "model_version": manifest.version,
            "items": to_items(slate, model),
        }
        if future or duplicates:
            answer["ignored_events"] = {"future": future, "duplicates": duplicates}
        yield json.dumps(answer, ensure_ascii=False) + "\n"
