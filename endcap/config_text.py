"""The default configuration as a commented TOML file, to be edited and given back."""

import ast
import inspect
import json
from collections.abc import Mapping
from itertools import pairwise
from textwrap import wrap

from pydantic import BaseModel

from endcap import config, config_features, config_retrieval
from endcap.config import RunConfig

_HEAD = """\
# Endcap's settings with their defaults. Keep the lines you change; what is left out stays as it is.
# A commented line has no default: it is unset.
"""


def default_config_text() -> str:
    """Return every setting of `RunConfig` with its default and what it means, as TOML.

    Reading the text back gives the default configuration.
    """
    return _HEAD + _table(RunConfig(), (), _meanings())


def _meanings() -> dict[tuple[str, str], str]:
    """Return (section's class, setting) -> the text that stands below it in the source."""
    found = {}
    sources = (config, config_features, config_retrieval)
    parsed = [ast.parse(inspect.getsource(module)) for module in sources]
    for section in (statement for module in parsed for statement in module.body):
        if not isinstance(section, ast.ClassDef):
            continue
        for setting, below in pairwise(section.body):
            match setting, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    found[section.name, name] = text
    return found


def _table(
    section: BaseModel, path: tuple[str, ...], meanings: Mapping[tuple[str, str], str]
) -> str:
    """Return the settings of a section, then its sub-sections, each under its own header."""
    lines = [f"\n[{'.'.join(path)}]"] if path else [""]
    nested = []
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            nested.append(_table(value, (*path, name), meanings))
            continue
        meaning = " ".join(meanings.get((type(section).__name__, name), "").split())
        lines += [f"# {line}" for line in wrap(meaning, 94)]
        lines.append(_setting(name, section.model_dump(mode="json")[name]))
    return "\n".join(lines) + "\n" + "".join(nested)


def _setting(name: str, value: object) -> str:
    # A JSON number, text or list is written the same in TOML; it has no word for nothing.
    return f"# {name} =" if value is None else f"{name} = {json.dumps(value)}"
