"""Links that open the CDS Hooks Sandbox on a patient of ours: which server, which service, which screen and drug."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

from tryout.shelf import Shown

PUBLIC: Final = "https://sandbox.cds-hooks.org"
"""The public Sandbox."""


@dataclass(frozen=True)
class Drug:
    """A drug that the Sandbox's picker offers and that a rule of ours is about.

    Attributes:
        code: RxNorm, as in the Sandbox's own list.
        name: short.
    """

    code: str
    name: str


DRUGS: Final = (Drug("310410", "folic acid 1 mg"),)


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


@dataclass(frozen=True)
class Linked:
    """A patient with the links that open them.

    Attributes:
        shown: the patient.
        patient_view: address of the Sandbox's Patient View.
        orders: (drug, address of Rx View with that drug chosen).
    """

    shown: Shown
    patient_view: str
    orders: Sequence[tuple[Drug, str]]


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
        orders = [(drug, address(places, one.id, drug)) for drug in DRUGS]
        yield Linked(one, address(places, one.id), orders)


def address(places: Places, patient: str, drug: Drug | None = None) -> str:
    """The address that opens the Sandbox on Patient View, or with a drug on Rx View."""
    asked = {
        "fhirServiceUrl": places.fhir,
        "patientId": patient,
        "serviceDiscoveryURL": f"{places.services}/cds-services",
        "hook": "order-select" if drug else "patient-view",
        "screen": "rx-view" if drug else "patient-view",
    }
    if drug:
        asked["prescribedMedication"] = drug.code
    return f"{places.sandbox}/?{urlencode(asked)}"
