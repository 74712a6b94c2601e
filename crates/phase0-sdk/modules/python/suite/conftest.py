"""The scene of all tests: the emitted package, the server behind it, and a clock that only tests move.

Values that are made up contain the canary, and no failure may print one: compare with `same`.
"""

import hmac
import os
import subprocess
import sys
import tempfile
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import botocore.loaders
import botocore.session
import pytest

MODULE = Path(os.environ["MODULE_DIR"])
VALUES = Path(os.environ["VALUES_DIR"])
CANARY = os.environ["MIGRATE_TEST_CANARY"]

sys.path.insert(0, str(MODULE / "src"))

from suite_secrets import SecretBytes, Secrets, SecretText, _runtime  # noqa: E402 (found by the line above)

POSTGRES = "platform-data/postgres/suite"
SMTP = "platform-data/smtp/suite"
STRIPE = "platform-data/stripe/suite"
TLS = "platform-data/tls/suite"
ALL = (POSTGRES, SMTP, STRIPE, TLS)

# Nothing that works takes this long, on a busy machine either.
DEADLINE = 30.0

T = TypeVar("T")


def same(one: str | bytes | SecretText | SecretBytes, other: str | bytes) -> bool:
    """Compare without showing either."""
    if isinstance(one, SecretText | SecretBytes):
        one = one.expose()
    one, other = (value.encode() if isinstance(value, str) else value for value in (one, other))
    return hmac.compare_digest(one, other)


def shows(text: str | bytes) -> bool:
    """Tell whether a value can be seen."""
    return (CANARY in text) if isinstance(text, str) else (CANARY.encode() in text)


def at_once(times: int, call: Callable[[], T]) -> list[T]:
    """Call from as many threads at the same moment."""
    barrier = threading.Barrier(times)

    def one(_: int) -> T:
        barrier.wait(DEADLINE)
        return call()

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(one, range(times), timeout=DEADLINE))


def python(program: str) -> str:
    """What a new interpreter prints that sees the package."""
    path = os.pathsep.join([str(MODULE / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path}
    answer = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return answer.stdout.strip()


class Control:
    """The server's other side."""

    def __init__(self, url: str) -> None:
        self._url = url
        # No proxy of the environment: the control is on this machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._made = 0

    def _send(self, method: str, path: str, body: bytes | None = None, **query: str) -> bytes:
        url = f"{self._url}/{path}?{urllib.parse.urlencode(query)}"
        with self._opener.open(urllib.request.Request(url, body, method=method), timeout=DEADLINE) as answer:
            data: bytes = answer.read()
            return data

    def fresh(self) -> str:
        """Make a value up."""
        self._made += 1
        return f"{CANARY}-made-{self._made}"

    def count(self, name: str) -> int:
        return int(self._send("GET", "count", name=name))

    def value(self, name: str) -> bytes:
        return self._send("GET", "value", name=name)

    def held(self, name: str, prop: str) -> bytes:
        return self._send("GET", "value", name=name, property=prop)

    def put(self, name: str, text: str | bytes) -> None:
        self._send("POST", "put", text.encode() if isinstance(text, str) else text, name=name)

    def put_binary(self, name: str, data: bytes) -> None:
        self._send("POST", "put-binary", data, name=name)

    def delete(self, name: str) -> None:
        self._send("POST", "delete", b"", name=name)

    def deny(self, name: str) -> None:
        self._send("POST", "deny", b"", name=name)

    def slow(self, milliseconds: int) -> None:
        self._send("POST", "slow", b"", milliseconds=str(milliseconds))

    def stop(self) -> None:
        self._send("POST", "stop", b"")

    def start(self) -> None:
        self._send("POST", "start", b"")

    def reset(self) -> None:
        self._send("POST", "reset", b"")


@dataclass
class Clock:
    """Stands still until a test moves it."""

    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now


@dataclass
class Gate:
    """A source that waits, and counts how often it is asked."""

    place: str = "the gate"
    hint: str = "open it"
    asked: int = 0
    closed: bool = False
    fails: Exception | None = None
    arrived: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def close(self) -> None:
        self.arrived.clear()
        self.opened.clear()
        self.closed = True

    def read(self, spec: _runtime.Spec[T]) -> T:
        if spec.name == STRIPE:
            self.asked += 1
            if self.closed:
                self.arrived.set()
                assert self.opened.wait(DEADLINE)
            if self.fails:
                raise self.fails
        keys = [spec.files] if isinstance(spec.files, str) else spec.files.values()
        return spec.from_files({key: CANARY.encode() for key in keys})


@pytest.fixture(autouse=True, scope="session")
def _one_loader() -> Iterator[None]:
    """Reads botocore's descriptions once, and not for each client."""
    loader = botocore.loaders.create_loader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", lambda _: loader)
        yield


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of who runs the tests."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    for name in [name for name in os.environ if name.startswith("SECRETS_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def control() -> Iterator[Control]:
    control = Control(os.environ["CONTROL_URL"])
    control.reset()
    yield control
    control.reset()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in which values may be written, unlike any other."""
    with tempfile.TemporaryDirectory(dir=VALUES) as folder:
        yield Path(folder)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(_runtime, "time", clock)
    return clock


@pytest.fixture
def secrets(control: Control, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Secrets:  # noqa: ARG001 (both must be there before)
    """Opened from the server, with an interval of ten seconds of the clock."""
    monkeypatch.setenv("SECRETS_REFRESH_SECONDS", "10")
    return Secrets.open()
