"""Keyed digests: the same as the standard library's, whatever came before."""

import hashlib
import hmac
from concurrent.futures import ThreadPoolExecutor

import pytest

from chassis.macs import mac

VECTORS = (  # RFC 4231, test cases 1, 2 and 6
    (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
)


@pytest.mark.parametrize(("key", "message", "digest"), VECTORS)
def test_the_published_vectors(key: bytes, message: bytes, digest: str) -> None:
    assert mac(key, message).hex() == digest
    assert mac(key, message).hex() == digest, "the key was not changed by its use"


def test_threads_that_share_a_key_do_not_disturb_each_other() -> None:
    key, messages = b"k" * 32, [str(number).encode() * 50 for number in range(2_000)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda message: mac(key, message), messages))
    assert found == [hmac.digest(key, message, hashlib.sha256) for message in messages]
