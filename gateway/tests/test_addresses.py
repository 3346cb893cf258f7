"""Addresses that may be trusted, and what a call's `fhirServer` comes to."""

import pytest

from gateway.addresses import FhirAccess, FhirServer, checked, fhir_access, fhir_server

LISTED = [fhir_server("https://ehr.example/fhir/R4"), fhir_server("https://*.hospitals.example/api")]


@pytest.mark.parametrize(
    "text",
    [
        "https://ehr.example", "https://ehr.example/", "https://ehr.example/fhir/R4",
        "https://ehr.example:8443/a-b_c.d~e",
        "http://localhost:9000/r4", "http://127.0.0.1/x", "http://[::1]:8080/x", "https://192.0.2.1/x",
        "https://[2001:db8::1]/",
    ],
)  # fmt: skip
def test_plain_addresses_are_taken_as_they_are(text: str) -> None:
    assert checked(text) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "https URL"), ("ehr.example", "https URL"), ("ftp://ehr.example", "https URL"),
        ("file:///etc/passwd", "https"),
        ("javascript:alert(1)", "https URL"), ("https://", "host"), ("https:///x", "host"), ("https://a b/", "host"),
        ("http://ehr.example", "http is accepted for localhost"), ("http://localhost.ehr.example", "localhost"),
        ("http://127.0.0.2", "localhost"), ("https://127.1", "host"), ("https://2130706433", "host"),
        ("https://0x7f.1", "host"),
        ("https://a.0x7f", "host"), ("https://[1:2]", "host|https URL"), ("https://1.2.3.400", "host"),
        ("http://127.1", "host"), ("http://2130706433", "host"),
        ("https://user@ehr.example", "user"), ("https://user:pass@ehr.example", "user"),
        ("https://ehr.example@evil.example", "user"),
        ("https://ehr.example?a", "query"), ("https://ehr.example?", "query"), ("https://ehr.example/#", "fragment"),
        ("https://EHR.example", "lower case"), ("HTTPS://ehr.example", "plainly"), ("https://ehr.example.", "host"),
        ("https://ehr..example", "host"), ("https://-ehr.example", "host"), ("https://ehr_1.example", "host"),
        ("https://\u0435hr.example", "host"), ("https://ehr.example:443/x", "port"), ("https://ehr.example:", "host"),
        ("https://ehr.example:99999", "https URL"), ("https://ehr.example:x", "https URL"),
        ("https://ehr.example\\@evil", "user"),
        ("https://ehr.example\\evil", "host"), ("https://ehr.example/a/../b", "path"),
        ("https://ehr.example/./b", "path"),
        ("https://ehr.example//b", "path"), ("https://ehr.example/%2e%2e/b", "path"),
        ("https://ehr.example/a b", "path"),
        ("https://ehr.example/\n", "plain"), (" https://ehr.example", "plain"), ("https://[::1", "https URL"),
        ("https://*.ehr.example", "host"), ("https://ehr.example/" + "a" * 500, "500"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        checked(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://*", "https://*.example", "https://*ehr.example", "https://a.*.example", "https://*.*.ehr.example",
        "https://a*",
        "http://*.ehr.example", "http://*.localhost", "https://*.1.2", "https://*.ehr.example?",
        "https://u@*.ehr.example",
        "https://*.EHR.example", "https://*.ehr.example:443", "https://*.ehr.example/..", "*.ehr.example",
        "https://*.10.0.0.1",
    ],
)  # fmt: skip
def test_a_star_stands_for_one_whole_first_label_or_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must|may"):
        fhir_server(text)


def test_a_slash_at_the_end_says_nothing() -> None:
    assert fhir_server("https://ehr.example/fhir/") == FhirServer("https://ehr.example/fhir")
    assert fhir_server("https://*.ehr.example/fhir/") == FhirServer("https://*.ehr.example/fhir")


@pytest.mark.parametrize(
    ("said", "access"),
    [
        (None, FhirAccess(why="none")), ("", FhirAccess(why="none")), (5, FhirAccess(why="none")),
        ({}, FhirAccess(why="none")),
        ("https://ehr.example/fhir/R4", FhirAccess("https://ehr.example/fhir/R4")),
        ("https://ehr.example/fhir/R4/", FhirAccess("https://ehr.example/fhir/R4")),
        ("https://north.hospitals.example/api/", FhirAccess("https://north.hospitals.example/api", public_only=True)),
    ],
)  # fmt: skip
def test_a_listed_server_may_be_asked(said: object, access: FhirAccess) -> None:
    assert fhir_access(said, LISTED) == access


@pytest.mark.parametrize(
    "said",
    [
        "https://ehr.example/fhir/R4//", "https://ehr.example/fhir", "https://ehr.example/fhir/R4/../x",
        "https://ehr.example/fhir/R4?x",
        "https://ehr.example:443/fhir/R4", "https://ehr.example:8443/fhir/R4", "http://ehr.example/fhir/R4",
        "https://EHR.example/fhir/R4", "https://ehr.example./fhir/R4", "https://ehr.example@evil.example/fhir/R4",
        "https://ehr.example.evil.example/fhir/R4", "https://evil.example/https://ehr.example/fhir/R4",
        " https://ehr.example/fhir/R4",
        "https://hospitals.example/api", "https://a.b.hospitals.example/api", "https://.hospitals.example/api",
        "https://evil.example#.hospitals.example/api", "https://evil.example/.hospitals.example/api",
        "https://evil\\.hospitals.example/api", "https://a@b.hospitals.example/api",
        "https://x:1@y.hospitals.example/api",
        "https://*.hospitals.example/api", "https://north.hospitals.example/api/more",
        "https://north.hospitals.example/api\n",
        "https://north.hospitalsXexample/api", "https://127.hospitals.example:1/api", "file:///fhir",
        "http://localhost:9000/r4",
        "https://169.254.169.254/", "https://\u0435.hospitals.example/api", "https://-a.hospitals.example/api",
    ],
)  # fmt: skip
def test_no_other_server_may(said: str) -> None:
    assert fhir_access(said, LISTED) == FhirAccess(why="not-listed")


@pytest.mark.parametrize("said", ["http://localhost:9000/r4", "https://127.0.0.1:1/", "http://[::1]:9000/fhir"])
def test_a_try_out_may_ask_this_machine_too(said: str) -> None:
    assert fhir_access(said, (), try_out=True) == FhirAccess(said.removesuffix("/"))
    assert fhir_access(said, ()) == FhirAccess(why="not-listed")


@pytest.mark.parametrize(
    "said", ["http://localhost.evil.example/", "http://a@localhost/", "http://127.0.0.2/", "http://0/", "http://[::]/"]
)
def test_a_try_out_asks_no_other_machine(said: str) -> None:
    assert fhir_access(said, (), try_out=True) == FhirAccess(why="not-listed")
