import pytest

from api.settings import ServiceSettings, read_service_settings
from endcap.errors import ConfigError

NEEDED = {"ENDCAP_HISTORY_URI": "h.sqlite", "ENDCAP_RECORD_LOG_URI": "log"}


def test_what_is_not_said_has_a_default() -> None:
    assert read_service_settings(NEEDED) == ServiceSettings(
        history_uri="h.sqlite",
        record_log_uri="log",
        token=None,
        operators=(),
        refresh_seconds=30.0,
        repair_seconds=300.0,
        log_key=None,
    )


def test_what_is_said_is_read() -> None:
    settings = read_service_settings(
        {
            **NEEDED,
            "ENDCAP_API_TOKEN": " secret ",
            "ENDCAP_OPERATORS": "arn:a, arn:b,",
            "ENDCAP_REFRESH_SECONDS": "2.5",
            "ENDCAP_LOG_KEY": "key",
        }
    )
    assert (settings.token, settings.operators) == ("secret", ("arn:a", "arn:b"))
    assert (settings.refresh_seconds, settings.log_key) == (2.5, b"key")


@pytest.mark.parametrize("name", NEEDED)
def test_what_is_needed_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        read_service_settings({**NEEDED, name: " "})


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "1e9"])
def test_seconds_out_of_range_are_named(text: str) -> None:
    with pytest.raises(ConfigError, match="ENDCAP_REPAIR_SECONDS"):
        read_service_settings({**NEEDED, "ENDCAP_REPAIR_SECONDS": text})
