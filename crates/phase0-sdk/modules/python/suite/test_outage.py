"""A server that can't be reached or used leaves an application with what it has."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from conftest import CANARY, DEADLINE, POSTGRES, SMTP, STRIPE, TLS, Clock, Control, Gate, same, shows
from suite_secrets import Secrets, SecretsError

LOGGER = "suite_secrets"


def said(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == LOGGER and record.levelno == level]


def test_an_outage_is_said_once_and_ends(
    secrets: Secrets, control: Control, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOGGER)
    old = control.value(STRIPE)
    control.stop()
    clock.now += 10
    for _ in range(20):
        assert same(secrets.stripe_suite(), old)
    clock.now += 1
    assert same(secrets.stripe_suite(), old)
    (stale,) = secrets.stale()
    assert stale.name == STRIPE
    assert stale.reason.startswith("EndpointConnectionError: Could not connect to the endpoint URL: ")
    assert datetime.now(UTC) - timedelta(seconds=DEADLINE) < stale.since <= datetime.now(UTC)
    since = stale.since.strftime("%Y-%m-%dT%H:%M:%SZ")
    told = f"{STRIPE}: can't be renewed since {since}, going on with the value in memory: {stale.reason}"
    assert said(caplog, logging.WARNING) == [told]
    assert said(caplog, logging.INFO) == []

    control.start()
    control.put(STRIPE, control.fresh())
    clock.now += 2
    assert same(secrets.stripe_suite(), control.value(STRIPE))
    assert secrets.stale() == []
    assert said(caplog, logging.WARNING) == [told]
    assert said(caplog, logging.INFO) == [f"{STRIPE}: renewed again, after it could not be since {since}"]


def test_it_asks_again_at_growing_intervals(secrets: Secrets, control: Control, clock: Clock) -> None:
    control.deny(STRIPE)
    clock.now += 10
    secrets.stripe_suite()
    asked = control.count(STRIPE)
    for pause in (1, 2, 4, 8, 10, 10):
        clock.now += pause - 0.1
        secrets.stripe_suite()
        assert control.count(STRIPE) == asked, pause
        clock.now += 0.1
        secrets.stripe_suite(), secrets.stripe_suite()
        asked += 1
        assert control.count(STRIPE) == asked, pause


def test_a_log_may_read_what_it_is_about(
    secrets: Secrets, control: Control, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    read: list[bool] = []

    class Reads(logging.Handler):
        def emit(self, _: logging.LogRecord) -> None:
            read.append(same(secrets.stripe_suite(), old))

    caplog.set_level(logging.DEBUG)
    logger, handler, old = logging.getLogger(), Reads(), control.value(STRIPE)
    asked = control.count(STRIPE)
    logger.addHandler(handler)
    try:
        control.deny(STRIPE)
        clock.now += 10
        reader = threading.Thread(target=secrets.stripe_suite, daemon=True)
        reader.start()
        reader.join(DEADLINE)
        assert not reader.is_alive()
        assert control.count(STRIPE) == asked + 1
    finally:
        logger.removeHandler(handler)
    assert read
    assert all(read)


def test_refresh_asks_whatever_the_pause_and_does_not_raise(secrets: Secrets, control: Control) -> None:
    control.deny(STRIPE)
    before = control.count(STRIPE)
    for _ in range(3):
        secrets.refresh()
    assert control.count(STRIPE) == before + 3
    assert [stale.name for stale in secrets.stale()] == [STRIPE]
    assert secrets.stale()[0].reason.startswith("AccessDeniedException: ")


UNUSABLE: dict[str, tuple[Callable[[Control], None], str]] = {
    "deleted": (
        lambda control: control.delete(POSTGRES),
        "ResourceNotFoundException: Secrets Manager can't find the specified secret.",
    ),
    "without a property": (
        lambda control: control.put(POSTGRES, '{"username": "%s", "port": "%s"}' % (control.fresh(), control.fresh())),  # noqa: UP031
        "it has no property `password`",
    ),
    "no object": (lambda control: control.put(POSTGRES, control.fresh()), "it is no JSON object"),
    "bytes": (lambda control: control.put_binary(POSTGRES, b"\xff" + control.fresh().encode()), "it is no UTF-8 text"),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_what_can_not_be_used_leaves_the_value(secrets: Secrets, control: Control, clock: Clock, what: str) -> None:
    old = control.held(POSTGRES, "password")
    spoil, reason = UNUSABLE[what]
    spoil(control)
    clock.now += 10
    assert same(secrets.postgres_suite().password, old)
    assert [(stale.name, stale.reason) for stale in secrets.stale()] == [(POSTGRES, reason)]
    assert not shows(repr(secrets.stale()))


def test_what_nobody_foresaw_is_told_by_its_kind_alone(clock: Clock) -> None:
    gate = Gate()
    secrets = Secrets(gate, refresh_seconds=10)
    gate.fails = ValueError(CANARY)
    clock.now += 10
    assert same(secrets.stripe_suite(), CANARY)
    assert [(stale.name, stale.reason) for stale in secrets.stale()] == [(STRIPE, "ValueError")]
    with pytest.raises(SecretsError) as refused:
        Secrets(gate, refresh_seconds=10)
    first = "suite can't start: 1 of 4 secrets could not be read from the gate"
    assert str(refused.value) == f"{first}\n  {STRIPE}: ValueError\nopen it"


def test_others_are_renewed_all_the_same(secrets: Secrets, control: Control, clock: Clock) -> None:
    control.delete(POSTGRES)
    control.deny(SMTP)
    control.put(STRIPE, control.fresh())
    control.put_binary(TLS, control.fresh().encode())
    clock.now += 10
    secrets.postgres_suite(), secrets.smtp_suite()
    assert same(secrets.stripe_suite(), control.value(STRIPE))
    assert same(secrets.tls_suite(), control.value(TLS))
    assert [stale.name for stale in secrets.stale()] == [POSTGRES, SMTP]
