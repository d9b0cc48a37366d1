"""Starting with no more than answering takes, for a process that answers a few requests."""

import gc
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import GenericAlias, ModuleType
from typing import Final

from pydantic import BaseModel
from pydantic.warnings import UnsupportedFieldAttributeWarning

_FORMER_PYDANTIC: Final = "pydantic.v1"
_NUMPYS_DOCUMENTATION: Final = ("numpy._core._add_newdocs", "numpy._core._add_newdocs_scalars")
_NUMPYS_TYPES: Final = ("numpy._typing", "numpy.typing")


@contextmanager
def lean_start() -> Iterator[None]:
    """Have what is imported and built meanwhile do what can wait only when it is needed.

    - pydantic builds a model's validator when it first validates. FastAPI alone declares forty
      models of the OpenAPI document, which most processes never write.
    - pydantic does not look through every installed distribution for plugins; there are none.
    - FastAPI asks of every parameter whether it is a model of pydantic's first version, and imports
      that version to find out. None is: it is told that the version is not installed.
    - numpy writes the documentation of its compiled functions into them, which nobody reads here.
    - numpy makes some hundred types for annotations, which nothing looks at while it runs.
    - The garbage collector rests, and never looks again at what was made: it stays.
    """
    # For good: validators are built later, too.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # FastAPI silences it, but only while it makes a field and not when that is built.
    warnings.filterwarnings("ignore", category=UnsupportedFieldAttributeWarning)
    is_collecting = gc.isenabled()
    gc.disable()
    try:
        stand_ins = (*map(ModuleType, _NUMPYS_DOCUMENTATION), *map(_Annotations, _NUMPYS_TYPES))
        with _built_when_used(), _not_installed(_FORMER_PYDANTIC), _stood_in_for_by(*stand_ins):
            yield
    finally:
        if is_collecting:
            gc.freeze()
            gc.enable()


@contextmanager
def _built_when_used() -> Iterator[None]:
    before = BaseModel.model_config
    BaseModel.model_config = {**before, "defer_build": True}
    try:
        yield
    finally:
        BaseModel.model_config = before


@contextmanager
def _not_installed(module: str) -> Iterator[None]:
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]  # how Python is told so
    try:
        yield
    finally:
        del sys.modules[module]


class _Annotation:
    """Any type of an annotation, with whatever parameters."""

    def __class_getitem__(cls, _: object) -> GenericAlias:
        return GenericAlias(cls, ())


class _Annotations(ModuleType):
    """A module that holds types for annotations under every name."""

    def __getattr__(self, name: str) -> type[_Annotation]:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Annotation


@contextmanager
def _stood_in_for_by(*modules: ModuleType) -> Iterator[None]:
    """Have modules be imported in place of those of their names, but of those already there."""
    absent = [module.__name__ for module in modules if module.__name__ not in sys.modules]
    sys.modules.update({module.__name__: module for module in modules if module.__name__ in absent})
    try:
        yield
    finally:
        for name in absent:
            sys.modules.pop(name, None)
