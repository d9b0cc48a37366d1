import gc
import subprocess
import sys

import pytest
from pydantic import BaseModel

from api.lean_start import lean_start


def test_a_model_declared_meanwhile_is_built_when_it_first_validates() -> None:
    with lean_start():

        class Late(BaseModel):
            n: int

    assert not Late.__pydantic_complete__
    assert Late.model_validate({"n": "3"}).n == 3

    class Early(BaseModel):
        n: int

    assert Early.__pydantic_complete__


def test_a_former_version_is_not_installed_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pydantic.v1", raising=False)
    with lean_start(), pytest.raises(ImportError):
        __import__("pydantic.v1")
    assert "pydantic.v1" not in sys.modules


def test_what_was_before_is_again_after_an_error() -> None:
    before = BaseModel.model_config
    with pytest.raises(ImportError), lean_start():
        __import__("there_is_no_such_module")
    assert gc.isenabled()
    assert BaseModel.model_config is before


def test_one_within_another_leaves_the_collector_to_the_outer_one() -> None:
    with lean_start():
        with lean_start():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_an_emptied_module_is_as_before_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "numpy._core._add_newdocs"
    monkeypatch.delitem(sys.modules, name, raising=False)
    with lean_start():
        assert not hasattr(__import__(name, fromlist=["x"]), "add_newdoc")
    assert name not in sys.modules


NUMPYS_TYPES = """
import sys
from api.lean_start import lean_start

with lean_start():
    import numpy as np
    from numpy.typing import NDArray

    def answer(rows: NDArray[np.int32] | None, by: dict[str, NDArray[np.int32]]) -> None: ...

assert not [name for name in sys.modules if name.startswith(("numpy._typing", "numpy.typing"))]

from numpy.typing import ArrayLike, NDArray

assert "lean_start" not in repr(NDArray[np.int32])
assert np.linalg.eigh(np.eye(2)).eigenvalues.tolist() == [1.0, 1.0]
"""


def test_numpys_types_for_annotations_are_made_only_when_asked_for_afterwards() -> None:
    subprocess.run([sys.executable, "-c", NUMPYS_TYPES], check=True)
