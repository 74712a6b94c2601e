"""Values for a developer's machine, and for no other."""

import base64
import json
import logging
import os
from pathlib import Path

import pytest

from conftest import CANARY, POSTGRES, SMTP, STRIPE, TLS, python, same
from suite_secrets import Secrets, SecretsError, SettingsError
from suite_secrets.mock import MockRefusedError, open_mock

PLATFORM = (
    "KUBERNETES_SERVICE_HOST",
    "ECS_CONTAINER_METADATA_URI",
    "ECS_CONTAINER_METADATA_URI_V4",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_EXECUTION_ENV",
)


@pytest.fixture(autouse=True)
def _developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PLATFORM, "SYSTEMD_EXEC_PID", "CI"):
        monkeypatch.delenv(name, raising=False)


def test_all_is_made_up_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    secrets = open_mock()
    assert isinstance(secrets, Secrets)
    assert secrets.postgres_suite().username.expose() == "mock-username-of-platform-data/postgres/suite"
    assert secrets.postgres_suite().port.expose() == "mock-port-of-platform-data/postgres/suite"
    assert secrets.smtp_suite().user_name.expose() == "mock-user-name-of-platform-data/smtp/suite"
    assert secrets.stripe_suite().expose() == "mock-value-of-platform-data/stripe/suite"
    assert secrets.tls_suite().expose() == b"mock-value-of-platform-data/tls/suite"
    secrets.refresh()
    assert not secrets.stale()
    assert [(record.name, record.levelno) for record in caplog.records] == [("suite_secrets", logging.WARNING)]
    assert "made up" in caplog.text


def test_a_file_says_some(folder: Path) -> None:
    text, data = f"{CANARY}-text", f"{CANARY}-\0".encode()
    file = folder / "mock.json"
    file.write_text(
        json.dumps(
            {
                POSTGRES: {"username": text, "port": 5432},
                STRIPE: text,
                TLS: base64.b64encode(data).decode(),
                "platform-data/of/another": "x",
            }
        )
    )
    secrets = open_mock(file)
    assert same(secrets.postgres_suite().username, text)
    assert same(secrets.postgres_suite().port, "5432")
    assert same(secrets.postgres_suite().password, f"mock-password-of-{POSTGRES}")
    assert same(secrets.stripe_suite(), text)
    assert same(secrets.tls_suite(), data)
    assert same(secrets.smtp_suite().class_, f"mock-class-of-{SMTP}")


def test_a_file_that_says_something_wrong(folder: Path) -> None:
    file = folder / "mock.json"
    file.write_text(json.dumps({POSTGRES: CANARY, STRIPE: {"x": CANARY}, TLS: CANARY + "!", SMTP: {"url": None}}))
    with pytest.raises(SecretsError) as refused:
        open_mock(file)
    assert str(refused.value).split("\n")[:-1] == [
        f"suite can't start: 4 of 4 secrets could not be read from {file}",
        f"  {POSTGRES}: it is no JSON object",
        f"  {SMTP}: its property `url` is no text",
        f"  {STRIPE}: it is no text",
        f"  {TLS}: it is no base64 text",
    ]
    for text in (CANARY, f'["{CANARY}"]', f'{{"{CANARY}"'):
        file.write_text(text)
        with pytest.raises(SettingsError) as wrong:
            open_mock(file)
        assert str(wrong.value) == f"{file} is no JSON object"
        assert wrong.value.__context__ is None
    with pytest.raises(FileNotFoundError):
        open_mock(folder / "gone.json")


@pytest.mark.parametrize("name", PLATFORM)
@pytest.mark.parametrize("value", ["x", ""])
def test_a_platform_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(MockRefusedError, match=f": {name} is set$"):
        open_mock()
    monkeypatch.setenv("CI", "")
    with pytest.raises(MockRefusedError, match=f": {name} is set$"):
        open_mock()
    monkeypatch.setenv("CI", "true")
    open_mock()


def test_a_unit_of_systemd_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # A shell started by a desktop that systemd started has the variable too, with another number.
    monkeypatch.setenv("SYSTEMD_EXEC_PID", str(os.getpid() + 1))
    open_mock()
    monkeypatch.setenv("SYSTEMD_EXEC_PID", str(os.getpid()))
    with pytest.raises(MockRefusedError, match="SYSTEMD_EXEC_PID is this process"):
        open_mock()


def test_no_variable_leads_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRETS_SOURCE", "mock")
    with pytest.raises(SettingsError):
        Secrets.open()


def test_the_package_does_not_import_it() -> None:
    answer = python("import sys, suite_secrets; print(sorted(name for name in sys.modules if name.startswith('suite_secrets')))")
    assert answer == "['suite_secrets', 'suite_secrets._runtime']"
