"""The default configuration as a commented TOML file, to be edited and given back."""

import json
from textwrap import wrap

from pydantic import BaseModel

from endcap.config import RunConfig

_HEAD = """\
# Endcap's settings with their defaults. Keep the lines you change; what is left out stays as it is.
# A commented line has no default: it is unset.
"""


def default_config_text() -> str:
    """Return every setting of `RunConfig` with its default and what it means, as TOML.

    Reading the text back gives the default configuration.
    """
    return _HEAD + _table(RunConfig(), ())


def _table(section: BaseModel, path: tuple[str, ...]) -> str:
    """Return the settings of a section, then its sub-sections, each under its own header."""
    lines = [f"\n[{'.'.join(path)}]"] if path else [""]
    nested = []
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            nested.append(_table(value, (*path, name)))
            continue
        lines += [f"# {line}" for line in wrap(" ".join((field.description or "").split()), 94)]
        lines.append(_setting(name, section.model_dump(mode="json")[name]))
    return "\n".join(lines) + "\n" + "".join(nested)


def _setting(name: str, value: object) -> str:
    # A JSON number, text or list is written the same in TOML; it has no word for nothing.
    return f"# {name} =" if value is None else f"{name} = {json.dumps(value)}"
