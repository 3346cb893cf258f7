"""Settings: read from one mapping, every fault said at once, and no value of a secret ever."""

from pathlib import Path
from typing import Any

import certifi
import pytest

from chassis.environment import MOST_FAULTS, SettingsError
from screening.settings import load
from screening.store import StoreSettings

SECRET = "synthetic-secret-synthetic-secret-0"
GOOD = {"IDENTITY_KEY": SECRET, "INTERNAL_KEY": "synthetic-internal-synthetic-internal"}


def fault(**environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load({**GOOD, **environ})
    return str(caught.value)


def test_the_defaults_need_only_the_secret() -> None:
    made = load(GOOD)
    assert made.identity_key == SECRET.encode()
    assert made.public_url == "http://localhost:8080"
    assert made.content_url == "http://127.0.0.1:8082"
    assert made.canonical_base == "https://dystonia-cds.example/fhir"
    assert made.include_unverified_codes is False
    assert load({**GOOD, "GATEWAY_PORT": "9999"}).public_url == "http://localhost:9999"
    assert load({**GOOD, "CONTENT_PORT": "9998"}).content_url == "http://127.0.0.1:9998"


def test_only_the_given_mapping_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_KEY", "from-the-process-from-the-process-0")
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    assert load(GOOD).identity_key == SECRET.encode()
    assert load(GOOD).log_level == "INFO"
    with pytest.raises(SettingsError):
        load({})


BAD: list[tuple[str, str]] = [
    *(("GATEWAY_PORT", value) for value in ("x", "0", "-1", "65536", "8080.5", "8080;")),
    *(("CONTENT_PORT", value) for value in ("x", "0", "65536")),
    *(("PUBLIC_URL", value) for value in ("x", "localhost:8080", "ftp://x.example", "//x.example",
    "javascript:alert(1)",
                                          "http://", "http://a b")),
    *(("CANONICAL_BASE", value) for value in ("x", "urn:uuid:1", "file:///x", "https://x.example/" + "a" * 183)),
    *(("CONTENT_URL", value) for value in ("x", "unix:socket")),
    *(("CONTENT_REFRESH_SECONDS", value) for value in ("x", "0", "-1", "nan", "inf", "1e9")),
    *(("INCLUDE_V2_CODES", value) for value in ("maybe", "2")),
    *(("MAX_BODY_BYTES", value) for value in ("x", "1", "1e6", "999999999999")),
    *(("LOG_LEVEL", value) for value in ("LOUD", "info", "NOTSET")),
    *(("STORE_URL", value) for value in ("mysql://db.example/x", "postgresql://db.example:port:port/x?y")),
    *((name, value) for name in ("ANSWERS_KEPT_DAYS", "CARDS_KEPT_DAYS") for value in ("x", "0", "36501")),
    *(("ACCEPTED_DAYS", value) for value in ("x", "-1", "366")),
    *(("KEEP_COMMENTS", value) for value in ("maybe", "2")),
    *(("TRACE_HOURS", value) for value in ("x", "-1", "8761")),
    *(("TRACE_MOST", value) for value in ("x", "0", "10000001")),
    *(("TRACE_FACTS", value) for value in ("maybe", "2")),
    *(("DEPLOYMENT", value) for value in ("Production", "test")),
    *(("SMALL_COUNT", value) for value in ("x", "0", "1001")),
    *(("REPORT_ACCEPTANCE", value) for value in ("x", "-1", "101", "nan")),
    *(("REPORT_MINIMUM", value) for value in ("x", "0")),
    *(("REPORT_WAIT_DAYS", value) for value in ("x", "-1", "366")),
    *(("SITE_VALUES_FILE", value) for value in ("nowhere.toml", "/")),
    *(("ANSWER_WITHIN_MS", value) for value in ("x", "99", "30001", "0.5")),
    *(("EHR_SHARE", value) for value in ("x", "0", "1", "nan")),
    *(("EHR_SLOTS_PER_HOST", value) for value in ("x", "0", "65")),
    *(("EHR_MAX_PAGES", value) for value in ("x", "0", "101")),
    *(("MAX_RESOURCES_READ", value) for value in ("x", "99", "100001")),
    *(("TLS_CA_FILE", value) for value in ("nowhere.pem", "pyproject.toml", "/")),
    *(("IDENTITY_KEY", value) for value in ("short", "x" * 31)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD)
def test_each_bad_value_is_said_by_its_name_only(name: str, value: str) -> None:
    words = fault(**{name: value})
    assert name in words
    assert "\n" not in words
    for other in {one for one, _ in BAD} - {name}:
        assert f"{other}:" not in words
    if len(value) > 3:
        assert value not in words


def test_all_bad_values_are_said_at_once() -> None:
    everything = list(dict(BAD).items())
    for some in (everything[:MOST_FAULTS], everything[MOST_FAULTS:]):
        words = fault(**dict(some))
        for name, _ in some:
            assert name in words
        assert "\n" not in words


def test_a_secret_is_never_said(tmp_path: Path) -> None:
    assert SECRET not in fault(LOG_LEVEL="LOUD")
    short = tmp_path / "key"
    short.write_text("zzshortzz", encoding="utf-8")
    assert "zzshortzz" not in fault(IDENTITY_KEY_FILE=str(short))
    assert SECRET not in repr(SettingsError(fault(IDENTITY_KEY="zzz")))


def test_a_secret_is_not_in_the_representation_of_the_settings() -> None:
    assert SECRET not in repr(load(GOOD))


def test_secrets_from_files(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{SECRET}\n", encoding="utf-8")
    others = {name: value for name, value in GOOD.items() if name != "IDENTITY_KEY"}
    assert load({**others, "IDENTITY_KEY_FILE": str(file)}).identity_key == SECRET.encode()
    assert load({**others, "IDENTITY_KEY_FILE": str(file), "IDENTITY_KEY": "x"}).identity_key == SECRET.encode()
    for content in (b"", b"   \n", b"\xff\xfe" * 20, b"short"):
        file.write_bytes(content)
        with pytest.raises(SettingsError) as caught:
            load({"IDENTITY_KEY_FILE": str(file)})
        assert "IDENTITY_KEY" in str(caught.value)
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(SettingsError) as caught:
            load({"IDENTITY_KEY_FILE": str(path), "LOG_LEVEL": "LOUD"})
        assert str(caught.value).count("IDENTITY_KEY") == 1
        assert "LOG_LEVEL" in str(caught.value)


@pytest.mark.parametrize("name", ["PUBLIC_URL", "CANONICAL_BASE", "CONTENT_URL"])
def test_trailing_slashes_do_not_double(name: str) -> None:
    made: Any = load({**GOOD, name: "https://x.example/base//"})
    assert getattr(made, name.lower()) == "https://x.example/base"


def test_what_is_empty_counts_as_not_set() -> None:
    assert load({**GOOD, "LOG_LEVEL": "", "PUBLIC_URL": "  "}) == load(GOOD)


@pytest.mark.parametrize("value", ["http://x.example/<script>", "http://x.example/a)b", "http://x.example/?a=b"])
def test_a_public_url_must_fit_into_a_link(value: str) -> None:
    assert "PUBLIC_URL" in fault(PUBLIC_URL=value)


@pytest.mark.parametrize(
    "value", ["https://x.example/fhir?a=1&code=y", "https://x.example/a,b", "https://x.example/#x"]
)
def test_a_canonical_base_must_fit_into_a_query(value: str) -> None:
    assert "CANONICAL_BASE" in fault(CANONICAL_BASE=value)


def test_a_canonical_base_may_have_200_characters() -> None:
    base = "https://x.example/" + "a" * 182
    assert load({**GOOD, "CANONICAL_BASE": base}).canonical_base == base
    assert "200" in fault(CANONICAL_BASE=base + "a")


def test_how_the_ehr_is_asked() -> None:
    made = load(
        {**GOOD, "ANSWER_WITHIN_MS": "800", "EHR_SHARE": "0.5", "EHR_SLOTS_PER_HOST": "3", "EHR_MAX_PAGES": "2"}
    )
    assert (made.answer_within, made.ehr_share, made.ehr_slots_per_host, made.ehr_max_pages) == (0.8, 0.5, 3, 2)
    assert (load(GOOD).answer_within, load(GOOD).ehr_share, load(GOOD).tls_ca_file) == (0.5, 0.7, None)


def test_an_authority_of_the_site_is_read_at_start() -> None:
    authorities = certifi.where()
    assert load({**GOOD, "TLS_CA_FILE": authorities}).tls_ca_file == Path(authorities)


def test_what_is_kept_and_where(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://cds:synthetic@db.example/cds\n", encoding="utf-8")
    made = load({**GOOD, "STORE_URL_FILE": str(file), "ACCEPTED_DAYS": "7", "ANSWERS_KEPT_DAYS": "3000"})
    assert (made.store.url, made.store.accepted_days) == ("postgresql://cds:synthetic@db.example/cds", 7)
    assert "synthetic" not in repr(made)
    usual = load({**GOOD, "STATE_DIR": str(tmp_path)})
    assert (usual.store, usual.state_dir) == (StoreSettings(), tmp_path)
    assert not usual.store.keep_comments
    assert usual.store.answered_days > 5 * 366, "longer than any answer holds"
