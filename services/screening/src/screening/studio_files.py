"""The card studio without a running service: `python -m screening.studio_files snapshot|check|export --texts FILE`.

`snapshot` stores what the cards of this version of the rules say, `check` says whether that is still so, `export`
writes all cards as one file for a review board, and as PDF where there is a Chromium. FILE is what the content service
answers to `GET /snapshot`; `python -m content.card_texts FILE` writes it. No setting counts.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from screening import app
from screening.cards.explanations import Snapshot, snapshot_of
from screening.domain import RULES_VERSION
from screening.knowledge import loading
from screening.pages import studio_export, studio_snapshots
from screening.pages.studio_query import Query
from screening.pages.studio_shown import Studio
from screening.settings import Settings

_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
_PDF_SECONDS: Final = 300
_STALE: Final = (
    "stale: {file}: the cards are no longer what it says of rules {version}.\n"
    "If {version} is released already, raise RULES_VERSION (screening/domain/__init__.py). Then:\n"
    "make studio-snapshot (make fix does it, too), and look at the difference in git.\n"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m screening.studio_files", description=__doc__)
    parser.add_argument("command", choices=("snapshot", "check", "export"))
    parser.add_argument(
        "--texts", type=Path, required=True, help="the card texts, as python -m content.card_texts writes"
    )
    parser.add_argument("--out", type=Path, default=Path("build", "studio.html"), help="where export writes")
    options = parser.parse_args(arguments)
    made = studio(snapshot_of(json.loads(options.texts.read_text("utf-8"))))
    if options.command == "export":
        return _export(made, options.out)
    file = studio_snapshots.file_of(RULES_VERSION, made.folder)
    wanted = studio_snapshots.encoded(made.release())
    if file.is_file() and file.read_text("utf-8") == wanted:
        return 0
    if options.command == "check":
        sys.stdout.write(_STALE.format(file=file.name, version=RULES_VERSION))
        return 1
    file.parent.mkdir(exist_ok=True)
    file.write_text(wanted, "utf-8")
    sys.stdout.write(f"wrote: {file.name}\n")
    return 0


def studio(texts: Snapshot) -> Studio:
    """The studio under default settings, with these texts."""
    settings = Settings(identity_key=b"", internal_keys=())
    return Studio(app.previews(settings, loading.code_book(), lambda: texts), RULES_VERSION)


def _export(made: Studio, out: Path) -> int:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(studio_export.html(made, made.view(Query()), datetime.now(UTC).date()), "utf-8")
    sys.stdout.write(f"wrote: {out}\n")
    browser = next((found for name in _BROWSERS if (found := shutil.which(name))), "")
    if not browser:
        sys.stdout.write("No PDF: there is no Chromium here. Print the file from any browser.\n")
        return 0
    pdf = out.with_suffix(".pdf")
    with tempfile.TemporaryDirectory() as profile:
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            f"--user-data-dir={profile}", "--no-pdf-header-footer", f"--print-to-pdf={pdf.resolve()}",
            out.resolve().as_uri(),
        ]  # fmt: skip
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_PDF_SECONDS)  # noqa: S603 - a file of ours
        except subprocess.SubprocessError as error:
            sys.stdout.write(f"No PDF: {Path(browser).name} failed ({type(error).__name__}).\n")
            return 1
    sys.stdout.write(f"wrote: {pdf}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
