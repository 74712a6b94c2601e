"""How the secrets of an application are read, kept and renewed. The same text in every application.

An accessor of ``__init__.py`` asks an entry, which has the value in memory and knows when it is due. The entry asks a source: Secrets
Manager, or the files that Kubernetes mounts.
"""

from __future__ import annotations

import hmac
import json
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Generic, NoReturn, Protocol, Self, TypeVar, final

_log = logging.getLogger(__package__)

# Tells the filter below which threads are about to receive a value.
_asking = threading.local()

# As many secrets are read at the same time; botocore keeps ten connections.
_READERS = 8

# How logs write an instant, all of which are in UTC.
_INSTANT = "%Y-%m-%dT%H:%M:%SZ"


class SecretsError(Exception):
    """The application can't start: some of its secrets can't be read. The text names each, and has no value in it."""

    def __init__(self, message: str, names: tuple[str, ...]) -> None:
        """Keep both as arguments, so that the error can be pickled."""
        super().__init__(message, names)
        self.names = names
        """The names of the secrets that can't be read."""

    def __str__(self) -> str:
        """Return the text alone."""
        return str(self.args[0])


class SettingsError(ValueError):
    """A variable says what is not allowed."""


class UnusableError(Exception):
    """A secret can't be read now, or not be used. The text is the reason; there must be no value in it."""


class _Value:
    """A value that shows itself to nobody but the caller of ``expose``."""

    __slots__ = ("_bytes",)

    def __init__(self, value: bytes) -> None:
        self._bytes = value

    def __repr__(self) -> str:
        return "[secret]"

    def __format__(self, spec: str) -> str:
        return "[secret]"

    def __eq__(self, other: object) -> bool:
        """Compare in constant time. There is no hash: it would be made from the value."""
        if isinstance(other, _Value) and type(other) is type(self):
            return hmac.compare_digest(self._bytes, other._bytes)
        return NotImplemented

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __getstate__(self) -> NoReturn:
        raise TypeError("a secret can't be serialised")


@final
class SecretText(_Value):
    """A secret text."""

    __slots__ = ()

    def __init__(self, value: str) -> None:
        """Hide the text, for tests of an application."""
        super().__init__(value.encode())

    def expose(self) -> str:
        """Return the text. Whoever calls this answers for where it goes."""
        return self._bytes.decode()


@final
class SecretBytes(_Value):
    """Secret bytes."""

    __slots__ = ()

    def expose(self) -> bytes:
        """Return the bytes. Whoever calls this answers for where they go."""
        return self._bytes


T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Spec(Generic[T_co]):
    """One secret: what it is called, where it is mounted, and what is made of it."""

    name: str
    folder: str
    files: str | Mapping[str, str]
    """The file that holds it; for a JSON object the file of each property, in the order in which ``make`` takes them."""
    make: Callable[..., T_co]

    def from_whole(self, whole: bytes) -> T_co:
        """Make it from what Secrets Manager holds."""
        if isinstance(self.files, str):
            return self.make(whole)
        held = _json_object(text(whole).expose())
        return self.make(*(_property(held, name) for name in self.files))

    def from_files(self, files: Mapping[str, bytes]) -> T_co:
        """Make it from its files."""
        if isinstance(self.files, str):
            return self.make(files[self.files])
        return self.make(*(text(files[key], f"its property `{name}`") for name, key in self.files.items()))


def text(value: bytes, what: str = "it") -> SecretText:
    """Decode a text."""
    try:
        return SecretText(value.decode())
    except UnicodeDecodeError:
        raise UnusableError(f"{what} is no UTF-8 text") from None


def _json_object(text: str) -> dict[str, object]:
    """Read an object whose numbers stay as they are written. An error of the parser would quote the text, so it is not passed on."""

    def refuse(constant: str) -> NoReturn:
        raise ValueError(constant)

    try:
        held: object = json.loads(text, parse_int=str, parse_float=str, parse_constant=refuse)
    except (ValueError, RecursionError):
        held = None
    if not isinstance(held, dict):
        raise UnusableError("it is no JSON object")
    return held


def _property(held: Mapping[str, object], name: str) -> SecretText:
    if name not in held:
        raise UnusableError(f"it has no property `{name}`")
    value = held[name]
    if isinstance(value, bool):
        value = "true" if value else "false"
    if isinstance(value, str):
        try:
            return SecretText(value)
        except UnicodeEncodeError:  # half of a pair: JSON can write it, UTF-8 can't
            pass
    raise UnusableError(f"its property `{name}` is no text")


class Source(Protocol):
    """Where secrets are read. ``place`` and ``hint`` are for the error at the start."""

    place: str
    hint: str

    def read(self, spec: Spec[T]) -> T:
        """Read one secret, or raise ``UnusableError``."""


class _SecretsManager:
    place = "Secrets Manager"
    hint = "check names, region and the rights of this process; `aws secretsmanager describe-secret --secret-id NAME` shows what it may see"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: Any = None
        self._process = 0

    def read(self, spec: Spec[T]) -> T:
        return spec.from_whole(self._ask(spec.name))

    def _ask(self, name: str) -> bytes:
        # Imported here: a pod that reads files does without the SDK.
        from botocore.exceptions import BotoCoreError, ChecksumError, ClientError, HTTPClientError, IncompleteReadError

        _asking.now = True
        try:
            answer: Mapping[str, Any] = self._connected().get_secret_value(SecretId=name, VersionStage="AWSCURRENT")
        except ClientError as error:
            code, message = (str(error.response.get("Error", {}).get(part)) for part in ("Code", "Message"))
            # Where the code is the status, the message may be the body of an answer, from whomever it came.
            reason = f"HTTP {code}" if code.isdigit() else f"{code}: {' '.join(message.split())}"
        except BotoCoreError as error:
            reason = type(error).__name__
            # These count the bytes of an answer, or quote another library.
            if not isinstance(error, (ChecksumError, HTTPClientError, IncompleteReadError)):
                reason = f"{reason}: {' '.join(str(error).split())}"
        else:
            if "SecretString" in answer:
                # Half of a surrogate pair passes here and is refused where text is decoded.
                return str(answer["SecretString"]).encode(errors="surrogatepass")
            if "SecretBinary" in answer:
                return bytes(answer["SecretBinary"])
            reason = "it holds no value"
        finally:
            _asking.now = False
        raise UnusableError(reason)

    def _connected(self) -> Any:
        """Return the client of this process: after a fork, parent and child must not share connections."""
        with self._lock:
            if self._client is None or self._process != os.getpid():
                import botocore.session
                from botocore.config import Config

                logging.getLogger("botocore.parsers").addFilter(_without_answers)
                config = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
                # botocore itself reads AWS_DEFAULT_REGION only, all other SDKs read this one.
                region = os.environ.get("AWS_REGION") or None
                client = botocore.session.Session().create_client("secretsmanager", region_name=region, config=config)
                self._client, self._process = client, os.getpid()
            return self._client


def _without_answers(_: logging.LogRecord) -> bool:
    """Keep botocore from logging the answers to this package, which it does whole at debug level."""
    return not getattr(_asking, "now", False)


class _Files:
    hint = "check that the Kubernetes Secrets are mounted there"

    def __init__(self, folder: Path) -> None:
        self.place = str(folder)
        self._folder = folder

    def read(self, spec: Spec[T]) -> T:
        folder = self._folder / spec.folder
        # Kubernetes points `..data` at a new folder and deletes the old one, possibly while it is read: then once more.
        version = self._version(folder)
        files = self._files(version, spec)
        if isinstance(files, str) and not version.is_dir():
            files = self._files(self._version(folder), spec)
        if isinstance(files, str):
            raise UnusableError(files)
        return spec.from_files(files)

    @staticmethod
    def _version(folder: Path) -> Path:
        """Return the one folder from which all files of a secret are read."""
        link = folder / "..data"
        return link.resolve() if os.path.lexists(link) else folder

    def _files(self, version: Path, spec: Spec[object]) -> dict[str, bytes] | str:
        """Return the files, or why one can't be read."""
        files = {}
        for key in (spec.files,) if isinstance(spec.files, str) else spec.files.values():
            shown = self._folder / spec.folder / key
            try:
                files[key] = (version / key).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return f"there is no file {shown}"
            except OSError as error:
                return f"can't read {shown}: {error.strerror}"
        return files


@dataclass(frozen=True)
class Stale:
    """A secret that can't be renewed; what is in memory goes on being used."""

    name: str
    since: datetime
    reason: str


def _attempt(source: Source, spec: Spec[T]) -> T | UnusableError:
    """Read, and keep of an error no more than the reason: its frames and causes hold values."""
    try:
        return source.read(spec)
    except UnusableError as error:
        return UnusableError(str(error))
    except Exception as error:  # noqa: BLE001 (whatever goes wrong, a read does not fail after open)
        return UnusableError(type(error).__name__)


class _Entry(Generic[T]):
    """One secret in memory."""

    def __init__(self, name: str, attempt: Callable[[], T | UnusableError], value: T, interval: float) -> None:
        self._name = name
        self._attempt = attempt
        self._value = value
        self._interval = interval
        self._due = time.monotonic() + interval
        self._pause = 0.0
        self._begun = 0
        # Logging may lead back here: by a handler that reads the same secret.
        self._lock = threading.RLock()
        self._renewing = False
        self.stale: Stale | None = None

    def read(self) -> T:
        """Return the value, renewed where it is due. While it can't be renewed one reader tries, and the others don't wait."""
        if time.monotonic() >= self._due and self._lock.acquire(blocking=self.stale is None):
            try:
                if time.monotonic() >= self._due:
                    self._renew()
            finally:
                self._lock.release()
        return self._value

    def refresh(self) -> None:
        """Renew at once. Calls share one request, but not one that was on its way before them: it may bring the old value."""
        begun = self._begun
        with self._lock:
            if self._begun == begun:
                self._renew()

    def _renew(self) -> None:
        if self._renewing:
            return
        self._renewing = True
        self._begun += 1
        value, was = self._attempt(), self.stale
        if isinstance(value, UnusableError):
            self._pause = min(2 * self._pause if was else 1.0, self._interval)
            self.stale = Stale(self._name, was.since if was else datetime.now(UTC), str(value))
            self._due = time.monotonic() + self._pause
        else:
            self._value = value
            self.stale = None
            self._due = time.monotonic() + self._interval
        self._renewing = False
        if self.stale and not was:
            what = "%s: can't be renewed since %s, going on with the value in memory: %s"
            _log.warning(what, self._name, f"{self.stale.since:{_INSTANT}}", self.stale.reason)
        if was and not self.stale:
            _log.info("%s: renewed again, after it could not be since %s", self._name, f"{was.since:{_INSTANT}}")


class Store:
    """The secrets of one application, each under its own method. To be shared by all threads."""

    _application: ClassVar[str]
    _specs: ClassVar[tuple[Spec[object], ...]]

    def __init__(self, source: Source, refresh_seconds: float) -> None:
        """Read all secrets from a source of your own. Applications call ``open``."""
        entries: dict[str, _Entry[Any]] = {}
        reasons: dict[str, str] = {}
        with ThreadPoolExecutor(_READERS) as readers:
            attempts = [partial(_attempt, source, spec) for spec in self._specs]
            values = readers.map(lambda attempt: attempt(), attempts)
            for spec, attempt, value in zip(self._specs, attempts, values, strict=True):
                if isinstance(value, UnusableError):
                    reasons[spec.name] = str(value)
                else:
                    entries[spec.name] = _Entry(spec.name, attempt, value, refresh_seconds)
        if reasons:
            first = f"{self._application} can't start: {len(reasons)} of {len(self._specs)} secrets could not be read from {source.place}"
            lines = [first, *(f"  {name}: {reason}" for name, reason in reasons.items()), source.hint]
            raise SecretsError("\n".join(lines), tuple(reasons))
        self._entries = entries

    @classmethod
    def open(cls) -> Self:
        """Read all secrets, from where the variables ``SECRETS_*`` say.

        Raises ``SecretsError`` where any can't be read, ``SettingsError`` where a variable says what is not allowed.
        """
        seconds = os.environ.get("SECRETS_REFRESH_SECONDS", "300")
        if not re.fullmatch("[1-9][0-9]{0,4}", seconds) or int(seconds) > 86400:
            raise SettingsError("SECRETS_REFRESH_SECONDS must be a whole number from 1 to 86400")
        folder = Path(os.environ.get("SECRETS_DIR", "/etc/secrets"))
        if not folder.is_absolute():
            raise SettingsError("SECRETS_DIR must be an absolute path")
        match os.environ.get("SECRETS_SOURCE", "secrets-manager"):
            case "secrets-manager":
                return cls(_SecretsManager(), int(seconds))
            case "files":
                return cls(_Files(folder), int(seconds))
        raise SettingsError("SECRETS_SOURCE must be secrets-manager or files")

    def refresh(self) -> None:
        """Renew all secrets at once: for the moment when a server refuses one that was just rotated.

        It does not raise: what can't be renewed stays as it is, and ``stale`` lists it.
        """
        with ThreadPoolExecutor(_READERS) as readers:
            list(readers.map(lambda entry: entry.refresh(), self._entries.values()))

    def stale(self) -> list[Stale]:
        """List what can't be renewed: for a health check."""
        return [entry.stale for entry in self._entries.values() if entry.stale is not None]

    def _read(self, spec: Spec[T]) -> T:
        entry: _Entry[T] = self._entries[spec.name]
        return entry.read()
