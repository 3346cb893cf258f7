"""Command line of the try-out: `python -m tryout run`, `... demo FILE`, `... fhir`, `... doctor`, `... report`."""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tryout import demo, doctor, fhir, launcher, report, sandbox_links, settings


@dataclass
class _Arguments(argparse.Namespace):
    command: str = ""
    file: Path = Path()
    bundles: Path | None = None
    sandbox: str = sandbox_links.PUBLIC
    hook: str | None = None
    url: str | None = None
    patient: str | None = None
    condition: tuple[str, str] | None = None
    recorded: date | None = None
    draft: Path | None = None
    output: str = "cards"
    why: bool = False
    client: str = ""
    token_file: Path | None = None
    module: str = ""
    begin: str = ""
    end: str = ""
    csv: bool = False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tryout", description="Try the dystonia CDS services out.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="start all services on this machine and show one card")
    play = commands.add_parser(
        "demo",
        help="play the EHR from a FHIR R4 Bundle and print the cards",
        epilog="Exit codes: 0 answered, 1 a call was refused, 2 usage or file, 3 the gateway is not reachable.",
    )
    play.add_argument("file", type=Path, help="Bundle as JSON, or a directory of them")
    play.add_argument("--hook", help="default: patient-view, with --draft order-select")
    play.add_argument("--url", help="base URL of the gateway; default: this machine, GATEWAY_PORT")
    play.add_argument("--patient", metavar="ID", help="which Patient, if the Bundle holds several")
    play.add_argument(
        "--set-condition",
        dest="condition",
        type=demo.coding_of,
        metavar="SYSTEM|CODE",
        help="add an active Condition; a bare code is ICD-10-CM (G24.9), others as http://snomed.info/sct|15802004",
    )
    play.add_argument(
        "--recorded", type=date.fromisoformat, metavar="DATE", help="its recorded date; default: 30 days ago"
    )
    play.add_argument("--draft", type=Path, metavar="FILE.json", help="draft order or orders, for the order hooks")
    output = play.add_mutually_exclusive_group()
    output.add_argument("--json", dest="output", action="store_const", const="json", help="print the answer as it came")
    output.add_argument(
        "--request", dest="output", action="store_const", const="request", help="print the call instead of sending it"
    )
    play.add_argument("--why", action="store_true", help="print as well why each answer is as it is")
    play.add_argument("--token-file", type=Path, help="the operators' token, for --why; a try-out needs none")
    serve = commands.add_parser("fhir", help="serve synthetic patients as FHIR R4, for the CDS Hooks Sandbox")
    serve.add_argument(
        "bundles",
        type=Path,
        nargs="?",
        help="Bundle as JSON, or a directory of them; default: the workbench's patients",
    )
    serve.add_argument(
        "--set-condition",
        dest="condition",
        type=demo.coding_of,
        metavar="SYSTEM|CODE",
        help="add an active Condition to the patients of the Bundles",
    )
    serve.add_argument(
        "--sandbox",
        type=sandbox_links.base_of,
        default=sandbox_links.PUBLIC,
        metavar="URL",
        help=f"address of the Sandbox that the links open; default: {sandbox_links.PUBLIC}",
    )
    ask = commands.add_parser("doctor", help="print what the running service says of the data that EHRs send")
    ask.add_argument("--client", default="", help="one client only")
    ask.add_argument("--url", help="base URL of the gateway; default: this machine, GATEWAY_PORT")
    ask.add_argument("--token-file", type=Path, help="the operators' token; a try-out needs none")
    told = commands.add_parser("report", help="print how cards are answered, and which rules nobody follows")
    told.add_argument("--client", default="", help="one client only")
    told.add_argument("--module", default="", help="one module only, such as B12")
    told.add_argument("--from", dest="begin", default="", metavar="DATE", help="a day of the first week")
    told.add_argument("--to", dest="end", default="", metavar="DATE", help="a day of the last week; default: today")
    told.add_argument("--csv", action="store_true", help="as CSV, a line for each count")
    told.add_argument("--url", help="base URL of the gateway; default: this machine, GATEWAY_PORT")
    told.add_argument("--token-file", type=Path, help="the operators' token; a try-out needs none")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    given = _parser().parse_args(arguments, namespace=_Arguments())
    try:
        config = settings.load(os.environ)
    except settings.SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    color = config.color and sys.stdout.isatty()
    if given.command == "run":
        return launcher.run(config, os.environ, color=color)
    if given.command == "fhir":
        path = given.bundles.expanduser() if given.bundles else None
        return fhir.run(config, fhir.Options(path=path, condition=given.condition, sandbox=given.sandbox))
    base = (given.url or config.gateway_url).rstrip("/").removesuffix("/cds-services")
    if given.command == "doctor":
        return doctor.run(doctor.Options(url=base, client=given.client, token_file=given.token_file))
    if given.command == "report":
        asked = {"client": given.client, "module": given.module, "from": given.begin, "to": given.end}
        return report.run(report.Options(url=base, asked=asked, csv=given.csv, token_file=given.token_file))
    return demo.run(
        demo.Options(
            path=given.file.expanduser(),
            url=base,
            hook=given.hook or ("order-select" if given.draft else "patient-view"),
            patient=given.patient,
            condition=given.condition,
            recorded=given.recorded,
            draft=given.draft,
            output=given.output or "cards",
            why=given.why,
            token_file=given.token_file,
            color=color,
            today=demo.now(),
        )
    )


if __name__ == "__main__":
    sys.exit(main())
