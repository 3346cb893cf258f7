"""What became of one key of one call, in a word for the records and in words for the integrator.

A key has an outcome in the prefetch, and another one at the EHR's FHIR server when it was asked there.
"""

from collections.abc import Mapping
from typing import Final

DELIVERED: Final = "delivered"
NONE: Final = "none"
ABSENT: Final = "absent"
FAILED: Final = "failed"
PARTIAL: Final = "partial"
WRONG_TYPE: Final = "wrong-type"
WRONG_PATIENT: Final = "wrong-patient"
TOO_MANY: Final = "too-many"

UNAUTHORIZED: Final = "unauthorized"
FORBIDDEN: Final = "forbidden"
NOT_FOUND: Final = "not-found"
GONE: Final = "gone"
REFUSED: Final = "refused"
THROTTLED: Final = "throttled"
SERVER_ERROR: Final = "server-error"
REDIRECTED: Final = "redirected"
UNREADABLE: Final = "unreadable"
TOO_LARGE: Final = "too-large"
LATE: Final = "late"
UNREACHABLE: Final = "unreachable"
NOT_TRUSTED: Final = "not-trusted"
NOT_PUBLIC: Final = "not-public"
BUSY: Final = "busy"
PAUSED: Final = "paused"

UNKNOWN_PRODUCT: Final = "unknown-product"

NO_SERVER: Final = "no-server"
NOT_LISTED: Final = "not-listed"
TOKEN_UNUSABLE: Final = "token-unusable"  # noqa: S105 - an outcome, not a token
ID_UNUSABLE: Final = "id-unusable"
NO_SCOPE: Final = "no-scope"

NOT_ASKED: Final = frozenset({NO_SERVER, NOT_LISTED, TOKEN_UNUSABLE, ID_UNUSABLE, NO_SCOPE})
"""Why a server was not even asked."""

PREFETCH_WORDS: Final[Mapping[str, str]] = {
    DELIVERED: "did not hold what it was asked for",
    NONE: "was null or empty",
    ABSENT: "was absent",
    FAILED: "was an OperationOutcome, or held one with an error",
    PARTIAL: "was incomplete (it goes on elsewhere, lacks products of medicines, or has entries that cannot be read)",
    WRONG_TYPE: "did not hold what it was asked for",
    WRONG_PATIENT: "held data of another patient only",
    UNKNOWN_PRODUCT: "held an order whose medicine no code names, and whose product could not be had",
    TOO_MANY: "held more than is read in one call (MAX_RESOURCES_READ)",
}
EHR_WORDS: Final[Mapping[str, str]] = {
    NO_SERVER: "the call named no fhirServer that could have been asked instead",
    NOT_LISTED: (
        "its fhirServer is not among the servers agreed for this client (fhirServers in the gateway's clients file),"
        " so it was not asked"
    ),
    TOKEN_UNUSABLE: (
        "its fhirAuthorization could not be used (token_type must be Bearer, expires_in above 0, access_token a"
        " string, patient that of the context), so fhirServer was not asked"
    ),
    ID_UNUSABLE: "fhirServer was not asked, because context.patientId is not a FHIR id",
    NO_SCOPE: "the scope in fhirAuthorization does not cover it, so fhirServer was not asked for it",
    DELIVERED: "fhirServer answered without it",
    NONE: "fhirServer answered that there is none",
    FAILED: "fhirServer answered with an OperationOutcome",
    PARTIAL: (
        "fhirServer gave only a part of it (a next link could not be followed, there were too many pages, or entries"
        " could not be read)"
    ),
    WRONG_TYPE: "fhirServer answered with something else",
    WRONG_PATIENT: "fhirServer answered with data of another patient",
    UNKNOWN_PRODUCT: "fhirServer did not give the product of a draft order",
    TOO_MANY: "fhirServer gave more than is read in one call (MAX_RESOURCES_READ)",
    UNAUTHORIZED: "fhirServer refused the access token (401)",
    FORBIDDEN: "fhirServer said that the access token lacks the scope for it (403)",
    NOT_FOUND: "fhirServer does not have it (404)",
    GONE: "fhirServer has it no more (410)",
    REFUSED: "fhirServer refused the query (a 4xx status)",
    THROTTLED: "fhirServer had too many requests (429) and is left alone for a while",
    SERVER_ERROR: "fhirServer failed (a 5xx status)",
    REDIRECTED: "fhirServer answered with a redirect, which is not followed",
    UNREADABLE: "fhirServer answered with something that is not FHIR JSON, or broke off",
    TOO_LARGE: "fhirServer's answer was too large",
    LATE: "fhirServer did not answer in time",
    UNREACHABLE: "fhirServer could not be reached",
    NOT_TRUSTED: "fhirServer has no TLS certificate that this service trusts (TLS_CA_FILE adds an authority)",
    NOT_PUBLIC: "fhirServer's name does not resolve to a public address, and only such ones are agreed",
    BUSY: "fhirServer is being asked by as many calls as may do so at a time",
    PAUSED: "fhirServer has just failed several times or asked for a pause, and is left alone for a while",
}
