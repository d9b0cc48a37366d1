import os
from pathlib import Path

import pytest

from endcap.errors import ConfigError
from endcap.settings import Settings, read_settings


def test_the_lake_alone_is_enough() -> None:
    settings = read_settings({"ENDCAP_LAKE_URI": "lake"})
    assert settings.lake_uri == "lake"
    assert settings.glue_database is None
    assert settings.cache_dir.is_absolute()
    assert str(os.getuid()) in settings.cache_dir.name
    assert settings.log_level == "INFO"
    assert settings.code_version == "unknown"


def test_every_variable_is_read_and_stripped() -> None:
    environ = {
        "ENDCAP_LAKE_URI": " s3://shop/lake\n",
        "ENDCAP_GLUE_DATABASE": "shop_1",
        "ENDCAP_CACHE_DIR": "/cache",
        "ENDCAP_CACHE_KEEP_MIB": "3",
        "ENDCAP_LOG_LEVEL": "debug",
        "ENDCAP_CODE_VERSION": "3fa9c01",
        "PATH": "/bin",
    }
    assert read_settings(environ) == Settings(
        lake_uri="s3://shop/lake",
        glue_database="shop_1",
        cache_dir=Path("/cache"),
        log_level="DEBUG",
        code_version="3fa9c01",
        cache_keep_bytes=3 << 20,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENDCAP_LAKE_URI", "  "),
        ("ENDCAP_GLUE_DATABASE", "My-Shop"),
        ("ENDCAP_CACHE_DIR", "relative/cache"),
        ("ENDCAP_CACHE_KEEP_MIB", "-1"),
        ("ENDCAP_CACHE_KEEP_MIB", "much"),
        ("ENDCAP_LOG_LEVEL", "LOUD"),
    ],
)
def test_an_error_names_the_variable(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        read_settings({"ENDCAP_LAKE_URI": "lake", name: value})


def test_a_missing_lake_is_named() -> None:
    with pytest.raises(ConfigError, match="ENDCAP_LAKE_URI is not set"):
        read_settings({})


def test_a_variable_set_to_nothing_counts_as_unset() -> None:
    settings = read_settings({"ENDCAP_LAKE_URI": "lake", "ENDCAP_GLUE_DATABASE": ""})
    assert settings.glue_database is None
