"""`make audit`: known vulnerabilities and licenses of everything that we pin, for Python and for npm.

Exit codes: 0 nothing is wrong; a source of advisories that cannot be reached is said on a line `NOT AUDITED: ...`.
1 a vulnerability is known or a license is not accepted; the lines that begin with FAULT say which.
"""

import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import advisories
import licenses
from pins import Pin, pins

ROOT: Final = Path(__file__).parents[2]
POLICY: Final = ROOT / "deploy" / "supply" / "policy.toml"
SHIPPED: Final = ROOT / "requirements" / "runtime.txt"
TOOL: Final = ROOT / "build" / "supply" / "bin" / "pip-audit"
TOOLS: Final = {
    "deploy/supply/tool.txt": "build/supply/lib/python*/site-packages",
    "contract-tests/fuzz/tool.txt": "build/fuzz",
    "deploy/mutation/tool.txt": "build/mutation",
    "deploy/kubernetes/tool.txt": "build/kubernetes/packages",
    "requirements/otel.txt": "build/tracing",
}
"""Tools and extras in folders of their own: their licenses are listed where they are installed."""


def pinned_files() -> list[Path]:
    """Every file with pins that we have."""
    places = ("requirements/*.txt", "deploy/*/*.txt", "contract-tests/*/*.txt")
    return sorted(path for place in places for path in ROOT.glob(place))


def npm_folders() -> list[Path]:
    """Every folder with a package-lock.json of ours."""
    return sorted(path.parent for path in ROOT.glob("contract-tests/*/package-lock.json"))


def listed(policy: dict[str, Any]) -> list[licenses.Listed]:
    """The license list: all that make test needs, the tools that are installed here, and npm's."""
    tools = {ROOT / file: folder for file, where in TOOLS.items() for folder in ROOT.glob(where)}
    found = licenses.installed([*map(Path, sys.path), *tools.values()])
    shipped = {pin.name for pin in pins(SHIPPED)}
    everywhere = [path for path in ROOT.glob("requirements/*.txt") if str(path.relative_to(ROOT)) not in TOOLS]
    files = [*everywhere, *tools]
    wanted: set[tuple[Pin, bool]] = {(pin, pin.name in shipped) for file in files for pin in pins(file)}
    rows = [*licenses.of_python(sorted(wanted), found, policy)]
    for folder in npm_folders():
        rows += licenses.of_npm(folder / "package-lock.json", policy["spelled"])
    return rows


def main() -> int:
    """Audit, write build/licenses.txt, and say what was found."""
    policy = tomllib.loads(POLICY.read_text(encoding="utf-8"))
    files = pinned_files()
    names = {pin.name for path in files for pin in pins(path) if pin.needed}
    answers = [advisories.of_python(files, names, TOOL), *(advisories.of_npm(folder) for folder in npm_folders())]
    for answer in answers:
        print(answer.missed or f"audited: {len(answer.asked)} {answer.what}")
    rows = listed(policy["licenses"])
    target = ROOT / "build" / "licenses.txt"
    target.parent.mkdir(exist_ok=True)
    target.write_text(licenses.table(rows), encoding="utf-8")
    print(f"licenses: {sum(row.shipped for row in rows)} packages in images, "
          f"{sum(not row.shipped for row in rows)} tools: build/licenses.txt")  # fmt: skip
    found = [
        *advisories.faults(answers, policy.get("ignored", []), datetime.now(UTC).date()),
        *licenses.faults(rows, policy["licenses"]),
    ]
    for fault in found:
        print(f"FAULT {fault}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
