"""Links that open the CDS Hooks Sandbox on a patient of ours: which server, which services, which screen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

from tryout.shelf import Shown

PUBLIC: Final = "https://sandbox.cds-hooks.org"
"""The public Sandbox."""

_SCREENS: Final = {"patient-view": "patient-view", "rx-view": "order-select", "rx-sign": "order-sign"}
"""Screen of the Sandbox -> its hook. A drug cannot be given: the Sandbox forgets it when it has read the patient."""

DRUGS: Final = (
    (
        "folic acid",
        "Folic Acid 1 MG Oral Tablet",
        "warns where vitamin B12 is low",
    ),
    ("metformin", "Metformin hydrochloride 500 MG Oral Tablet", "where vitamin B12 is low; Rx View only"),
    ("haloperidol", "Haloperidol 1 MG Oral Tablet", "warns: it blocks dopamine"),
    (
        "trihexyphenidyl",
        "Trihexyphenidyl Hydrochloride 2 MG Oral Tablet",
        "names missing tests; Rx View only",
    ),
    ("penicillamine", "Penicillamine 250 MG Oral Tablet", "warns: no metal overload is recorded"),
    ("vitamin e", "Vitamin E 400 UNT Oral Capsule", "where vitamin E was never measured; Rx View only"),
)
"""What to type in the Sandbox's field Medication, the name to choose, and what our services say about it."""


@dataclass(frozen=True)
class Places:
    """Where things are, as the browser sees them.

    Attributes:
        fhir: base URL of the FHIR server.
        services: base URL of the gateway.
        sandbox: base URL of the Sandbox.
    """

    fhir: str
    services: str
    sandbox: str = PUBLIC

    @property
    def sandbox_origin(self) -> str:
        """The Sandbox's origin, as a browser says it."""
        parts = urlsplit(self.sandbox)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True)
class Linked:
    """A patient with the links that open them.

    Attributes:
        shown: the patient.
        screens: hook -> address of the Sandbox's screen for it.
    """

    shown: Shown
    screens: dict[str, str]


def base_of(text: str) -> str:
    """The base URL of a Sandbox, without a slash at its end.

    Raises:
        ValueError: it is no http or https address.
    """
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("not an address")
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")


def listed(patients: Sequence[Shown], places: Places) -> Iterator[Linked]:
    """Yield every patient with their links."""
    for one in patients:
        yield Linked(one, {hook: _address(places, one.id, screen, hook) for screen, hook in _SCREENS.items()})


def _address(places: Places, patient: str, screen: str, hook: str) -> str:
    asked = {
        "fhirServiceUrl": places.fhir,
        "patientId": patient,
        "serviceDiscoveryURL": f"{places.services}/cds-services",
        "hook": hook,
        "screen": screen,
    }
    return f"{places.sandbox}/?{urlencode(asked)}"
