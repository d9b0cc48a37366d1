import pytest

from endcap.config import RunConfig
from endcap.config_serving import ServingConfig
from endcap.errors import ConfigError


def test_serving_reads_two_sections_of_a_run() -> None:
    config = RunConfig()

    served = ServingConfig.of(config.model_dump(mode="json"), name="model m")

    assert (served.features, served.retrieval) == (config.features, config.retrieval)


def test_settings_of_another_release_are_told_as_such() -> None:
    settings = RunConfig().model_dump(mode="json")
    settings["retrieval"]["own_half_life_events"] = 8.0

    with pytest.raises(ConfigError) as caught:
        ServingConfig.of(settings, name="model m")

    assert str(caught.value) == (
        "model m has settings that this release of Endcap does not accept "
        "(retrieval.own_half_life_events: Extra inputs are not permitted): "
        "serve it with the release that made it, or train anew"
    )
