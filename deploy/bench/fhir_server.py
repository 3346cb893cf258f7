"""FHIR servers for the benchmark, one for each mood, on ports of this machine: `python fhir_server.py MOOD=PORT ...`.

* well: answers at once: the patient, a coded dystonia, and nothing else on record.
* stuck: takes the request and never answers.
* half: answers the patient and the conditions, and never a further search: no breaker can hold that against it.
"""

import asyncio
import json
import sys
from functools import partial
from typing import Any, Final

HOST: Final = "127.0.0.1"
PATIENT: Final = "bench-patient"
_DYSTONIA: Final = {
    "resourceType": "Condition",
    "id": "bench-dystonia",
    "clinicalStatus": {"coding": [{"code": "active"}]},
    "verificationStatus": {"coding": [{"code": "confirmed"}]},
    "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "G24.9"}]},
    "subject": {"reference": f"Patient/{PATIENT}"},
    "recordedDate": "2026-10-01",
}


def answer(path: str) -> dict[str, Any]:
    """What a server that is well has for this address."""
    if path.endswith(f"/Patient/{PATIENT}"):
        return {"resourceType": "Patient", "id": PATIENT, "gender": "female", "birthDate": "1979-09-14"}
    entries = [{"resource": _DYSTONIA, "search": {"mode": "match"}}] if "/Condition" in path else []
    return {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}


async def serve(mood: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer, or not, until the client goes."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = next(
                (int(line[15:]) for line in head.splitlines() if line.lower().startswith("content-length:")), 0
            )
            await reader.readexactly(length)
            path = head.split(" ", 2)[1]
            if mood == "stuck" or (mood == "half" and "/Patient/" not in path and "/Condition" not in path):
                await reader.read()
                return
            body = json.dumps(answer(path)).encode()
            kind = b"Content-Type: application/fhir+json\r\n"
            writer.write(b"HTTP/1.1 200 OK\r\n" + kind + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        return
    finally:
        writer.close()


async def main(ports: dict[str, int]) -> None:
    """Serve all moods until killed."""
    for mood, port in ports.items():
        await asyncio.start_server(partial(serve, mood), HOST, port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main({mood: int(port) for mood, port in (word.split("=") for word in sys.argv[1:])}))
