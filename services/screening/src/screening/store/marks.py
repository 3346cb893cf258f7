"""Marks: what stands in the store for a patient and for the resources of a chart. Nothing leads back without the key.

Both are HMAC-SHA256, under keys that are derived from IDENTITY_KEY and good for nothing else. A key that was lost or
changed makes new marks: what is in the store is then nobody's, and ages out.
"""

from dataclasses import dataclass, field
from typing import Final, Self

from chassis.macs import mac

_PATIENT: Final = b"dystonia-cds screening store: patients"
_CONTENT: Final = b"dystonia-cds screening store: contents"


@dataclass(frozen=True, slots=True)
class Marks:
    """Makes marks.

    Attributes:
        patients: key for patients.
        contents: key for all else.
    """

    patients: bytes = field(repr=False)
    contents: bytes = field(repr=False)

    @classmethod
    def of(cls, identity_key: bytes) -> Self:
        """With the keys that follow from `identity_key`."""
        return cls(mac(identity_key, _PATIENT), mac(identity_key, _CONTENT))

    def patient(self, client: str, tenant: str, fhir_server: str, patient_id: str) -> str:
        """The key of a patient, as one client knows it: 64 hexadecimal digits."""
        parts = (client, tenant, fhir_server, patient_id)
        framed = "".join(f"{len(part)}:{part}" for part in parts)
        return mac(self.patients, framed.encode("utf-8", "surrogatepass")).hex()

    def content(self, text: str) -> str:
        """The mark of a reference or of a content: 32 hexadecimal digits."""
        return mac(self.contents, text.encode("utf-8", "surrogatepass")).hex()[:32]
