"""Secrets that Kubernetes mounts."""

import shutil
import threading
import time
from pathlib import Path

import pytest

from conftest import CANARY, DEADLINE, STRIPE, TLS, Clock, at_once, python, same
from suite_secrets import Secrets, SecretsError, _runtime

FOLDERS = {
    "postgres-suite": ("username", "password", "port"),
    "mail": ("MAIL_CLASS", "MAIL_USER", "2fa", "url"),
    "stripe-suite": ("value",),
    "tls-suite": ("keystore.p12",),
}


class Mounted:
    """What a pod sees. A version is in all files of a secret."""

    def __init__(self, root: Path, linked: bool) -> None:
        self.root = root
        self.linked = linked
        for folder in FOLDERS:
            (root / folder).mkdir()
            self.swap(folder, "0")

    def swap(self, folder: str, version: str) -> None:
        """Write as the kubelet does: a new folder, a link put in place of the old one, then the old folder goes."""
        place = self.root / folder
        values = place
        if self.linked:
            values = place / f"..{version}"
            values.mkdir()
        for key in FOLDERS[folder]:
            (values / key).write_text(f"{CANARY}-{key}-{version}")
        if self.linked:
            link, old = place / "..data", (place / "..data").resolve()
            (place / "..data_tmp").symlink_to(values.name)
            (place / "..data_tmp").rename(link)
            if old != link:
                shutil.rmtree(old)
            for key in FOLDERS[folder]:
                if not (place / key).is_symlink():
                    (place / key).symlink_to(f"..data/{key}")

    def file(self, folder: str, key: str) -> Path:
        return self.root / folder / key


@pytest.fixture(params=[False, True], ids=["plain", "linked"])
def mounted(folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Mounted:
    monkeypatch.setenv("SECRETS_SOURCE", "files")
    monkeypatch.setenv("SECRETS_DIR", str(folder))
    monkeypatch.setenv("SECRETS_REFRESH_SECONDS", "10")
    # The server is not needed.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    return Mounted(folder, bool(request.param))


def test_each_file_is_read(mounted: Mounted) -> None:  # noqa: ARG001 (it must be there)
    secrets = Secrets.open()
    assert same(secrets.postgres_suite().username, f"{CANARY}-username-0")
    assert same(secrets.postgres_suite().password, f"{CANARY}-password-0")
    assert same(secrets.postgres_suite().port, f"{CANARY}-port-0")
    assert same(secrets.smtp_suite().class_, f"{CANARY}-MAIL_CLASS-0")
    assert same(secrets.smtp_suite().user_name, f"{CANARY}-MAIL_USER-0")
    assert same(secrets.smtp_suite().x2fa, f"{CANARY}-2fa-0")
    assert same(secrets.smtp_suite().url, f"{CANARY}-url-0")
    assert same(secrets.stripe_suite(), f"{CANARY}-value-0")
    assert same(secrets.tls_suite(), f"{CANARY}-keystore.p12-0")


def test_a_new_version_is_seen_after_the_interval_or_at_once(mounted: Mounted, clock: Clock) -> None:
    secrets = Secrets.open()
    mounted.swap("stripe-suite", "1")
    assert same(secrets.stripe_suite(), f"{CANARY}-value-0")
    clock.now += 10
    assert same(secrets.stripe_suite(), f"{CANARY}-value-1")
    mounted.swap("stripe-suite", "2")
    secrets.refresh()
    assert same(secrets.stripe_suite(), f"{CANARY}-value-2")
    assert not secrets.stale()


def test_bytes_are_as_they_are(mounted: Mounted) -> None:
    data = bytes(range(256)) + CANARY.encode() + b"\n\n"
    mounted.file("tls-suite", "keystore.p12").write_bytes(data)
    mounted.file("stripe-suite", "value").write_text(f" {CANARY}\r\n\n", newline="")
    mounted.file("postgres-suite", "port").write_text("\ufeff5432\n")
    secrets = Secrets.open()
    assert same(secrets.tls_suite(), data)
    assert same(secrets.stripe_suite(), f" {CANARY}\r\n\n")
    assert same(secrets.postgres_suite().port, "\ufeff5432\n")


def test_what_is_wrong_is_in_one_error(mounted: Mounted) -> None:
    root = mounted.root
    mounted.file("mail", "2fa").write_bytes(b"\xff" + CANARY.encode())
    mounted.file("postgres-suite", "password").unlink()
    (root / "postgres-suite" / "..data" / "password").unlink(missing_ok=True)
    shutil.rmtree(root / "tls-suite")
    mounted.file("stripe-suite", "value").unlink()
    (root / "stripe-suite" / "..data" / "value").unlink(missing_ok=True)
    ((root / "stripe-suite" / "..data") if mounted.linked else (root / "stripe-suite")).joinpath("value").mkdir()
    with pytest.raises(SecretsError) as refused:
        Secrets.open()
    assert str(refused.value) == (
        f"suite can't start: 4 of 4 secrets could not be read from {root}\n"
        f"  platform-data/postgres/suite: there is no file {root}/postgres-suite/password\n"
        "  platform-data/smtp/suite: its property `2fa` is no UTF-8 text\n"
        f"  platform-data/stripe/suite: can't read {root}/stripe-suite/value: Is a directory\n"
        f"  platform-data/tls/suite: there is no file {root}/tls-suite/keystore.p12\n"
        "check that the Kubernetes Secrets are mounted there"
    )


def test_without_the_folder_all_are_missing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRETS_SOURCE", "files")
    monkeypatch.setenv("SECRETS_DIR", str(folder / "gone"))
    with pytest.raises(SecretsError) as refused:
        Secrets.open()
    assert f": there is no file {folder}/gone/mail/MAIL_CLASS\n" in str(refused.value)


def test_a_file_that_goes_leaves_the_value(mounted: Mounted, clock: Clock) -> None:
    secrets = Secrets.open()
    shutil.rmtree(mounted.root / "stripe-suite")
    clock.now += 10
    assert same(secrets.stripe_suite(), f"{CANARY}-value-0")
    (stale,) = secrets.stale()
    assert (stale.name, stale.reason) == (STRIPE, f"there is no file {mounted.root}/stripe-suite/value")


def version_of(postgres: object) -> set[str]:
    return {getattr(postgres, field).expose().rsplit("-", 1)[1] for field in ("username", "password", "port")}


@pytest.mark.parametrize("mounted", [True], indirect=True, ids=["linked"])
def test_a_swap_never_mixes_versions(mounted: Mounted) -> None:
    secrets = Secrets.open()
    enough, swapped = threading.Event(), [0]

    def swap() -> None:
        while not enough.is_set():
            swapped[0] += 1
            mounted.swap("postgres-suite", str(swapped[0]))

    swapping = threading.Thread(target=swap, daemon=True)
    swapping.start()
    seen: set[str] = set()
    end = time.monotonic() + DEADLINE
    while len(seen) < 50 and time.monotonic() < end:
        secrets.refresh()
        versions = version_of(secrets.postgres_suite())
        assert len(versions) == 1
        seen |= versions
    enough.set()
    swapping.join(DEADLINE)
    assert len(seen) == 50
    secrets.refresh()
    assert version_of(secrets.postgres_suite()) == {str(swapped[0])}


@pytest.mark.parametrize("mounted", [True], indirect=True, ids=["linked"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_folder_that_vanishes_is_looked_for_once_more(mounted: Mounted, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    secrets = Secrets.open()
    resolve, swaps = _runtime._Files._version, [str(version) for version in range(1, times + 1)]

    def resolved_before_a_swap(folder: Path) -> Path:
        version = resolve(folder)
        if folder.name == "postgres-suite" and swaps:
            mounted.swap("postgres-suite", swaps.pop(0))
        return version

    monkeypatch.setattr(_runtime._Files, "_version", staticmethod(resolved_before_a_swap))
    secrets.refresh()
    assert not swaps
    reasons = [stale.reason for stale in secrets.stale()]
    assert reasons == ([f"there is no file {mounted.root}/postgres-suite/username"] if times == 2 else [])
    assert version_of(secrets.postgres_suite()) == {"0" if times == 2 else "1"}


def test_readers_at_the_same_moment_read_once(mounted: Mounted, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    secrets = Secrets.open()
    read, names = _runtime._Files._files, []

    def counted(self: _runtime._Files, version: Path, spec: _runtime.Spec[object]) -> dict[str, bytes] | str:
        names.append(spec.name)
        return read(self, version, spec)

    monkeypatch.setattr(_runtime._Files, "_files", counted)
    clock.now += 10
    at_once(50, secrets.tls_suite)
    assert names == [TLS]


def test_the_sdk_is_not_imported(mounted: Mounted) -> None:  # noqa: ARG001
    answer = python("import sys; from suite_secrets import Secrets; Secrets.open(); print('botocore' in sys.modules)")
    assert answer == "False"
