"""Settings are read from a mapping and checked all at once."""

import pytest

from chassis.environment import SettingsError
from content.settings import DEFAULT_REPORT_CONTACT, Settings, load

KEY = "synthetic-internal-synthetic-internal"
GOOD = {"INTERNAL_KEY": KEY}


def test_only_the_key_is_needed() -> None:
    assert load(GOOD) == Settings((KEY.encode(),), report_contact=DEFAULT_REPORT_CONTACT, log_level="INFO")
    with pytest.raises(SettingsError, match="INTERNAL_KEY"):
        load({})


def test_settings_are_read_from_the_mapping_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    assert load({**GOOD, "REPORT_CONTACT": "the clinical safety desk"}).report_contact == "the clinical safety desk"
    assert load(GOOD).log_level == "INFO"


def test_all_faults_are_told_at_once_without_their_values() -> None:
    with pytest.raises(SettingsError) as caught:
        load({**GOOD, "REPORT_CONTACT": "<b>me</b>", "LOG_LEVEL": "LOUD"})
    assert "REPORT_CONTACT" in str(caught.value)
    assert "LOG_LEVEL" in str(caught.value)
    assert "<b>" not in str(caught.value)
