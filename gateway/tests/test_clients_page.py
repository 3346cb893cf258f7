"""What docs/clients.md says of the clients file is what the gateway reads."""

import json
import re
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway import clients, entries, jwks

PAGE = (Path(__file__).parents[2] / "docs" / "clients.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
PUBLIC = jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key(), as_dict=True)


def test_the_table_has_every_member_and_no_other() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == set(entries.EntrySchema().fields)


def test_the_page_names_every_algorithm_and_dialect() -> None:
    (algorithms,) = re.findall(r"^\| `algorithms` \| [^:]*: ([^|]*) \|", PAGE, re.MULTILINE)
    assert set(algorithms.split(", ")) == set(jwks.ALGORITHMS)
    (dialects,) = re.findall(r"^\| `dialect` \| [^:]*: ([^|]*) \|", PAGE, re.MULTILINE)
    assert re.findall(r"`(\w+)`", dialects) == list(entries.DIALECTS)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_example_is_a_good_clients_file(tmp_path: Path, number: int) -> None:
    text = EXAMPLES[number].replace("<x>", str(PUBLIC["x"])).replace("<y>", str(PUBLIC["y"]))
    path = tmp_path / "clients.yaml"
    path.write_text(re.sub(r"<[^>]*(north|south)[^>]*>", r"\1", text), encoding="utf-8")
    (tmp_path / "test-browser.json").write_text(json.dumps({"keys": [{**PUBLIC, "kid": "1"}]}), encoding="utf-8")
    file = clients.read(str(path))
    assert file.faults == ()
    assert {client.dialect for client in file.clients} <= set(entries.DIALECTS)


def test_there_is_an_example_for_each_shape_of_vendor() -> None:
    assert len(EXAMPLES) == 4
    assert [re.findall(r"dialect: (\w+)", example) for example in EXAMPLES] == [
        [],
        ["epic"],
        ["oracle", "oracle"],
        ["sandbox"],
    ]
