"""`make report`: what it asks the gateway for, and how it prints the answer."""

import pytest

from tryout.__main__ import main


def test_it_asks_for_what_was_named(
    operators_url: str, operator_token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--client", "example-ehr", "--module", "B12", "--from", "2026-09-01", "--to", "2026-11-22"]
    assert main(["report", "--url", operators_url, "--token-file", operator_token, *asked]) == 0
    query = "client=example-ehr&module=B12&from=2026-09-01&to=2026-11-22"
    assert capsys.readouterr().out == f"/report?{query},text/plain[31mred\n"


def test_it_asks_for_csv(operators_url: str, operator_token: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--url", operators_url, "--token-file", operator_token, "--csv"]) == 0
    assert capsys.readouterr().out == "/report.csv,text/csv[31mred\n"


def test_a_refusal_is_told_in_its_own_words(operators_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--url", operators_url]) == 1
    assert "401: This page is for operators." in capsys.readouterr().err
