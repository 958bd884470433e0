"""Every environment variable of the program, typed and read once."""

from __future__ import annotations

import base64
import binascii
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

#: All dates of the product are dates of this zone; it is a fact of the domain and not a setting.
CHINA = ZoneInfo("Asia/Shanghai")
WECHAT_API = "https://api.weixin.qq.com"


class AppEnv(StrEnum):
    """Where the program runs. Only production refuses defaults, the demo and the WeChat stand-in."""

    DEVELOPMENT = "development"
    DEMO = "demo"
    TEST = "test"
    PRODUCTION = "production"


class SettingsError(Exception):
    """A variable is missing or wrong; the sentence names it and the way out."""

    def __init__(self, variable: str, sentence: str) -> None:
        super().__init__(f"{variable}: {sentence}")
        self.variable = variable


@dataclass(frozen=True)
class Settings:
    """The values of the environment. Secrets are kept out of `repr`."""

    env: AppEnv
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    host: str
    port: int
    workers: int
    pool_size: int
    #: (version, 32 bytes); the first encrypts, all decrypt.
    secret_keys: tuple[tuple[int, bytes], ...] = field(repr=False)
    wechat_appid: str
    wechat_secret: str = field(repr=False)
    wechat_api_base: str
    #: Where files lie: file:///folder, or s3://bucket/prefix.
    storage_url: str = field(repr=False)
    #: Where phones and browsers find this service; printed on cards.
    public_url: str
    sponsor: str
    filing_number: str
    #: How many proxies stand before the server; their number of X-Forwarded-For entries is trusted, no more.
    proxies: int
    #: Who reads /metrics shows it; without one /metrics is closed in production and open elsewhere.
    metrics_token: str = field(repr=False, default="")

    @property
    def is_production(self) -> bool:
        return self.env is AppEnv.PRODUCTION

    @property
    def wechat_is_standin(self) -> bool:
        """Whether something else answers in the place of WeChat; shown wherever it matters."""
        return self.wechat_api_base != WECHAT_API

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read and check all variables. Raises SettingsError for the first that is missing or wrong."""
        env = _env(environ)
        production = env is AppEnv.PRODUCTION
        return cls(
            env=env,
            database_url=_url(environ, "DATABASE_URL", ("postgresql", "postgres")),
            redis_url=_url(environ, "REDIS_URL", ("redis", "rediss", "unix")),
            host=environ.get("HOST") or "127.0.0.1",
            port=_integer(environ, "PORT", 8000, 1, 65535),
            workers=_integer(environ, "WORKERS", 1, 1, 64),
            pool_size=_integer(environ, "POOL_SIZE", 10, 2, 200),
            secret_keys=_secret_keys(environ, production),
            wechat_appid=_text(environ, "WECHAT_APPID", None if production else "wx0000000000standin"),
            wechat_secret=_text(environ, "WECHAT_SECRET", None if production else "standin-secret"),
            wechat_api_base=_wechat_api_base(environ, production),
            storage_url=_storage_url(environ, production),
            public_url=_public_url(environ, production),
            sponsor=_text(environ, "SPONSOR", None if production else "演示主办单位"),
            filing_number=_text(environ, "FILING_NUMBER", None if production else "演示，未备案"),
            proxies=_integer(environ, "PROXIES", 0, 0, 9),
            metrics_token=_metrics_token(environ),
        )


def _env(environ: Mapping[str, str]) -> AppEnv:
    value = environ.get("APP_ENV") or AppEnv.DEVELOPMENT
    try:
        return AppEnv(value)
    except ValueError:
        names = ", ".join(AppEnv)
        raise SettingsError("APP_ENV", f"{value!r} is not one of {names}; set one of them") from None


def _text(environ: Mapping[str, str], name: str, default: str | None) -> str:
    value = environ.get(name) or default
    if value is None:
        raise SettingsError(name, "is not set; production has no default for it, see deploy/env.example")
    return value


def _integer(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    value = environ.get(name) or str(default)
    if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
        raise SettingsError(name, f"{value!r} is not a whole number from {low} to {high}")
    return int(value)


def _url(environ: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str:
    value = environ.get(name)
    if not value:
        raise SettingsError(name, "is not set; `make run` starts a private server, elsewhere see deploy/env.example")
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:  # a host in broken brackets, or a port that is none
        raise SettingsError(name, f"cannot be read; write {schemes[0]}://user:password@host:port/name") from None
    if parts.scheme not in schemes:
        raise SettingsError(name, f"must begin with {schemes[0]}://")
    return value


def _public_url(environ: Mapping[str, str], production: bool) -> str:
    """`PUBLIC_URL=https://lianhu.example.cn`: what is printed outlives every mistake, so it is looked at here."""
    here = f"http://127.0.0.1:{environ.get('PORT') or 8000}"
    value = _text(environ, "PUBLIC_URL", None if production else here).rstrip("/")
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.netloc or (production and parts.scheme != "https"):
        raise SettingsError("PUBLIC_URL", "must be https://host, as phones find this service; it is printed on cards")
    return value


def _storage_url(environ: Mapping[str, str], production: bool) -> str:
    """`STORAGE_URL=file:///var/lib/lianhu/files` or `s3://bucket/prefix?endpoint=https://…&region=…`."""
    value = _text(environ, "STORAGE_URL", None if production else f"file://{tempfile.gettempdir()}/lianhu-files")
    parts = urlsplit(value)
    if parts.scheme not in ("file", "s3") or (parts.scheme == "file") == bool(parts.netloc):
        raise SettingsError("STORAGE_URL", "must be file:///an/absolute/folder or s3://bucket/prefix")
    return value


def _secret_keys(environ: Mapping[str, str], production: bool) -> tuple[tuple[int, bytes], ...]:
    """`SECRET_KEYS=2:<base64 of 32 bytes>,1:<…>`: versioned keys, the newest first."""
    value = environ.get("SECRET_KEYS")
    if not value:
        if production:
            raise SettingsError(
                "SECRET_KEYS", "is not set; make one with `python -m backend new-key` and keep it outside the database"
            )
        return ((1, b"lianhu demo key, not for real use"[:32]),)
    keys: dict[int, bytes] = {}
    for part in value.split(","):
        version, _, encoded = part.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if not version.isdigit() or len(key) != 32 or int(version) in keys or not 0 < int(version) < 256:
            raise SettingsError(
                "SECRET_KEYS", "must be version:base64 pairs of 32-byte keys, comma separated, newest first"
            )
        keys[int(version)] = key
    return tuple(keys.items())


def _metrics_token(environ: Mapping[str, str]) -> str:
    value = environ.get("METRICS_TOKEN") or ""
    if value and (len(value) < 24 or not value.isascii() or not value.isprintable() or " " in value):
        raise SettingsError(
            "METRICS_TOKEN", "must be 24 or more ASCII characters without spaces; `python -m backend new-key` makes one"
        )
    return value


def _wechat_api_base(environ: Mapping[str, str], production: bool) -> str:
    value = (environ.get("WECHAT_API_BASE") or WECHAT_API).rstrip("/")
    if production and value != WECHAT_API:
        raise SettingsError("WECHAT_API_BASE", f"production talks to {WECHAT_API} and nothing else; unset it")
    if urlsplit(value).scheme not in ("http", "https"):
        raise SettingsError("WECHAT_API_BASE", "must begin with https://")
    return value
