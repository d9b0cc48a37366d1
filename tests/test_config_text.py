import tomllib
from pathlib import Path

from endcap.config import RunConfig
from endcap.config_text import default_config_text


def test_the_printed_defaults_read_back_as_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "endcap.toml"
    file.write_text(default_config_text(), encoding="utf-8")
    assert RunConfig.load(file) == RunConfig()


def test_every_setting_is_printed_under_its_section() -> None:
    printed = tomllib.loads(default_config_text().replace("# as_of =", "as_of = 1"))
    assert printed["split"]["as_of"] == 1
    assert printed["retrieval"]["als"]["factors"] == RunConfig().retrieval.als.factors


def test_a_description_stands_above_its_setting() -> None:
    before, _, _ = default_config_text().partition("max_quarantine_share")
    assert before.rstrip().endswith("file the run stops.")
