"""What can't be read at the start is one clear error."""

import pickle
import threading
import traceback

import pytest

from conftest import ALL, DEADLINE, POSTGRES, SMTP, STRIPE, TLS, Control, shows
from suite_secrets import Secrets, SecretsError, SettingsError, _runtime

HINT = (
    "check names, region and the rights of this process; "
    "`aws secretsmanager describe-secret --secret-id NAME` shows what it may see"
)


def opened() -> SecretsError:
    with pytest.raises(SecretsError) as refused:
        Secrets.open()
    return refused.value


def test_all_that_is_wrong_is_in_one_error(control: Control) -> None:
    control.put(POSTGRES, '{"username": "%s", "port": "%s"}' % (control.fresh(), control.fresh()))  # noqa: UP031
    control.put(SMTP, control.fresh())
    control.delete(STRIPE)
    error = opened()
    assert error.names == (POSTGRES, SMTP, STRIPE)
    assert str(error) == (
        "suite can't start: 3 of 4 secrets could not be read from Secrets Manager\n"
        "  platform-data/postgres/suite: it has no property `password`\n"
        "  platform-data/smtp/suite: it is no JSON object\n"
        "  platform-data/stripe/suite: ResourceNotFoundException: Secrets Manager can't find the specified secret.\n" + HINT
    )
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.names) == (str(error), error.names)


def test_its_frames_and_causes_hold_no_value(control: Control) -> None:
    control.put(POSTGRES, '{"username": "%s", "password": %s' % (control.fresh(), control.fresh()))  # noqa: UP031
    control.put_binary(STRIPE, b"\xff" + control.fresh().encode())
    error = opened()
    assert error.names == (POSTGRES, STRIPE)
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    assert not shows("".join(told.format()))
    assert error.__cause__ is None
    assert error.__context__ is None


def test_a_server_that_is_gone_is_said_in_time(control: Control) -> None:
    control.stop()
    errors: list[SecretsError] = []
    start = threading.Thread(target=lambda: errors.append(opened()), daemon=True)
    start.start()
    start.join(DEADLINE)
    assert len(errors) == 1
    assert errors[0].names == ALL
    first, *lines, last = str(errors[0]).split("\n")
    assert first == "suite can't start: 4 of 4 secrets could not be read from Secrets Manager"
    for name, line in zip(ALL, lines, strict=True):
        assert line.startswith(f'  {name}: EndpointConnectionError: Could not connect to the endpoint URL: "http')
    assert last == HINT


def test_the_time_for_each_request_is_bounded(control: Control) -> None:  # noqa: ARG001 (its variables are needed)
    config = _runtime._SecretsManager()._connected().meta.config
    assert (config.connect_timeout, config.read_timeout) == (3, 5)
    assert (config.retries["mode"], config.retries["total_max_attempts"]) == ("standard", 3)


def test_a_server_that_does_not_let_us_read(control: Control) -> None:
    control.deny(TLS)
    error = opened()
    assert error.names == (TLS,)
    assert f"1 of 4 secrets could not be read from Secrets Manager\n  {TLS}: AccessDeniedException: " in str(error)


def test_what_the_sdk_lacks_is_said_for_each(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    lines = str(opened()).split("\n")
    assert lines[1:-1] == [f"  {name}: NoRegionError: You must specify a region." for name in ALL]


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        *(
            ("SECRETS_REFRESH_SECONDS", value, "SECRETS_REFRESH_SECONDS must be a whole number from 1 to 86400")
            for value in ("", "0", "-1", "1.5", "86401", "999999", "1e3", "0x10", " 5", "5\n", "٣", "five")
        ),
        *(
            ("SECRETS_SOURCE", value, "SECRETS_SOURCE must be secrets-manager or files")
            for value in ("", "mock", "file", "FILES")
        ),
        *(("SECRETS_DIR", value, "SECRETS_DIR must be an absolute path") for value in ("", "etc/secrets", "./x")),
    ],
)
def test_a_bad_variable_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as refused:
        Secrets.open()
    assert str(refused.value) == message


@pytest.mark.parametrize("seconds", ["1", "300", "86400"])
def test_an_allowed_interval_is_taken(control: Control, monkeypatch: pytest.MonkeyPatch, seconds: str) -> None:  # noqa: ARG001
    monkeypatch.setenv("SECRETS_REFRESH_SECONDS", seconds)
    assert Secrets.open()._entries[STRIPE]._interval == int(seconds)
