"""`make monitoring`: promtool on configuration, rules and dashboard; exits with 1 if anything is wrong, 2 without it.

promtool comes with Debian's package prometheus; as root it is installed where it is missing. That metrics and labels
exist is tested in deploy/tests/test_monitoring.py.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
BOARD: Final = HERE / "grafana" / "dystonia-cds.json"
TESTS: Final = ("rules_test.yml", "rules_days_test.yml")
_WITHIN_S: Final = 300
_MISSING: Final = "promtool is missing: on Debian it comes with `apt-get install prometheus`"


def promtool() -> str | None:
    """Its path; it is installed where that can be done."""
    if not shutil.which("promtool") and os.geteuid() == 0 and shutil.which("apt-get"):
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "prometheus"]
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, check=False, timeout=_WITHIN_S)  # noqa: S603
    return shutil.which("promtool")


def expressions() -> list[str]:
    """What the dashboard asks, with its variables filled in as Grafana would."""
    board = json.loads(BOARD.read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    return [one.replace("$__rate_interval", "1m").replace("$client", ".*") for one in asked]


def as_rules(asked: list[str]) -> str:
    """Expressions as a file of recording rules, the form in which promtool reads them. JSON is YAML."""
    rules = [{"record": f"asked:{number}", "expr": expr} for number, expr in enumerate(asked)]
    return json.dumps({"groups": [{"name": "dashboard", "rules": rules}]})


def main() -> int:
    """Run all checks; returns the exit code."""
    tool = promtool()
    if tool is None:
        sys.stdout.write(f"{_MISSING}\n")
        return 2
    asked = expressions()
    with tempfile.TemporaryDirectory() as folder:
        dashboard = Path(folder, "dashboard.yml")
        dashboard.write_text(as_rules(asked), encoding="utf-8")
        commands = [
            ["check", "config", "prometheus.yml"],
            ["check", "rules", "rules.yml", str(dashboard)],
            ["test", "rules", *TESTS],
        ]
        for command in commands:
            done = subprocess.run([tool, *command], cwd=HERE, check=False, timeout=_WITHIN_S)  # noqa: S603
            if done.returncode:
                sys.stdout.write(f"promtool {' '.join(command)} failed\n")
                return 1
    alerts = (HERE / "rules.yml").read_text(encoding="utf-8").count("- alert: ")
    tests = sum((HERE / name).read_text(encoding="utf-8").count("  - name: ") for name in TESTS)
    sys.stdout.write(f"{alerts} alerts, {tests} tests of them, {len(asked)} expressions of the dashboard: all well\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
