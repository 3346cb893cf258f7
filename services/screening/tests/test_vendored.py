"""What others wrote and our pages run is what its readme says: the file of that package, unchanged, licensed."""

import hashlib
import re
from pathlib import Path

from screening.pages import assets

VENDORED = assets.FOLDER / "vendored"
NOTICE = Path(__file__).parents[3] / "NOTICE"


def test_each_script_has_the_hash_of_the_readme_a_license_and_a_notice() -> None:
    readme = (VENDORED / "README.md").read_text("utf-8")
    told = dict(re.findall(r"^\| ([A-Z][^|]*?) \| `?([^`|]+?)`? \|$", readme, re.MULTILINE))
    scripts = [path.name for path in VENDORED.iterdir() if path.suffix == ".js"]
    assert scripts == [told["File"]], "one table for each script"
    assert hashlib.sha256((VENDORED / told["File"]).read_bytes()).hexdigest() == told["SHA-256 of the file"]
    license_text = (VENDORED / "markdown-it.LICENSE.txt").read_text("utf-8")
    assert "Permission is hereby granted, free of charge" in license_text
    assert told["Name, version"] in NOTICE.read_text("utf-8")
