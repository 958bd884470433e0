"""Personal fields at rest: sealing, blind indexes and keyed hashes (docs/rules.md S3, S4; decision 0007)."""

from __future__ import annotations

import hashlib
import hmac
import os
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE = 12


class Unreadable(Exception):
    """A sealed value does not open: another key, another row, or changed bytes. Says no more than that."""


class Vault:
    """Keys by version; each purpose gets a key of its own, derived with HKDF, so that none is used twice."""

    def __init__(self, keys: tuple[tuple[int, bytes], ...]) -> None:
        self._keys = dict(keys)
        self.version = keys[0][0]
        self._derived: dict[tuple[int, str], bytes] = {}
        self._ciphers: dict[int, AESGCM] = {}

    def _key(self, version: int, purpose: str) -> bytes:
        found = self._derived.get((version, purpose))
        if found is None:
            hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"lianhu:{purpose}".encode())
            found = self._derived[version, purpose] = hkdf.derive(self._keys[version])
        return found

    def _cipher(self, version: int) -> AESGCM:
        found = self._ciphers.get(version)
        if found is None:
            found = self._ciphers[version] = AESGCM(self._key(version, "field"))
        return found

    def seal(self, text: str, table: str, column: str, row_id: UUID) -> bytes:
        """Encrypt a value for one place: version byte, nonce, ciphertext. It opens nowhere else."""
        return self.seal_bytes(text.encode(), table, column, row_id)

    def seal_bytes(self, content: bytes, table: str, column: str, row_id: UUID) -> bytes:
        """The same for bytes, a file for example."""
        nonce = os.urandom(NONCE)
        sealed = self._cipher(self.version).encrypt(nonce, content, _place(table, column, row_id))
        return bytes([self.version]) + nonce + sealed

    def open(self, sealed: bytes, table: str, column: str, row_id: UUID) -> str:
        """Decrypt a value. Raises Unreadable."""
        return self.open_bytes(sealed, table, column, row_id).decode()

    def open_bytes(self, sealed: bytes, table: str, column: str, row_id: UUID) -> bytes:
        """The same for bytes."""
        version = sealed[0]
        if version not in self._keys:
            raise Unreadable(f"{table}.{column} was sealed with key version {version}, which SECRET_KEYS does not hold")
        try:
            plain: bytes = self._cipher(version).decrypt(
                sealed[1 : 1 + NONCE], sealed[1 + NONCE :], _place(table, column, row_id)
            )
        except InvalidTag:
            raise Unreadable(f"{table}.{column} does not open") from None
        return plain

    def index(self, kind: str, value: str) -> tuple[bytes, int]:
        """The blind index of a value under the newest key, and that key's version."""
        return self._index(self.version, kind, value), self.version

    def indexes(self, kind: str, value: str) -> list[bytes]:
        """The blind indexes of a value under every key: what a look-up compares while rows are being re-indexed."""
        return [self._index(version, kind, value) for version in self._keys]

    def _index(self, version: int, kind: str, value: str) -> bytes:
        return hmac.digest(self._key(version, "index:" + kind), value.encode(), "sha256")

    def mac(self, purpose: str, data: bytes) -> bytes:
        """A keyed hash under the oldest key, so that it stays comparable when a newer key is added."""
        return hmac.digest(self._key(min(self._keys), "mac:" + purpose), data, "sha256")


def _place(table: str, column: str, row_id: UUID) -> bytes:
    return f"{table}.{column}:{row_id}".encode()


def token_hash(token: str) -> bytes:
    """How a random token is stored. It has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).digest()


_vault: Vault | None = None


def configure(keys: tuple[tuple[int, bytes], ...]) -> None:
    """Set the keys of this process, once at start."""
    global _vault
    _vault = Vault(keys)


def vault() -> Vault:
    """The keys of this process."""
    if _vault is None:
        raise RuntimeError("crypto.configure() was not called")
    return _vault
