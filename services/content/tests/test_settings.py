"""Settings are read from a mapping and checked all at once."""

import pytest

from chassis.environment import SettingsError
from content.settings import DEFAULT_REPORT_CONTACT, Settings, load


def test_an_empty_environment_gives_the_defaults() -> None:
    assert load({}) == Settings(report_contact=DEFAULT_REPORT_CONTACT, log_level="INFO")


def test_settings_are_read_from_the_mapping_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    assert load({"REPORT_CONTACT": "the clinical safety desk"}).report_contact == "the clinical safety desk"
    assert load({}).log_level == "INFO"


def test_all_faults_are_told_at_once_without_their_values() -> None:
    with pytest.raises(SettingsError) as caught:
        load({"REPORT_CONTACT": "<b>me</b>", "LOG_LEVEL": "LOUD"})
    assert "REPORT_CONTACT" in str(caught.value)
    assert "LOG_LEVEL" in str(caught.value)
    assert "<b>" not in str(caught.value)
