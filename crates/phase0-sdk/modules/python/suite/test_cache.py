"""When the server is asked, and when it is not."""

import os
import threading

import pytest

from conftest import ALL, DEADLINE, POSTGRES, STRIPE, TLS, Clock, Control, Gate, at_once, same
from suite_secrets import Secrets, _runtime


def test_each_secret_is_read_once_and_gives_what_the_server_holds(control: Control) -> None:
    before = {name: control.count(name) for name in ALL}
    secrets = Secrets.open()
    for _ in range(100):
        secrets.postgres_suite(), secrets.smtp_suite(), secrets.stripe_suite(), secrets.tls_suite()
    assert all(control.count(name) == before[name] + 1 for name in ALL)
    postgres, smtp = secrets.postgres_suite(), secrets.smtp_suite()
    assert same(postgres.username, control.held(POSTGRES, "username"))
    assert same(postgres.password, control.held(POSTGRES, "password"))
    assert same(postgres.port, control.held(POSTGRES, "port"))
    for value, name in ((smtp.class_, "class"), (smtp.user_name, "user-name"), (smtp.x2fa, "2fa"), (smtp.url, "url")):
        assert same(value, control.held("platform-data/smtp/suite", name)), name
    assert same(secrets.stripe_suite(), control.value(STRIPE))
    assert same(secrets.tls_suite(), control.value(TLS))


def test_after_the_interval_the_next_read_asks_once(secrets: Secrets, control: Control, clock: Clock) -> None:
    before = control.count(STRIPE)
    control.put(STRIPE, control.fresh())
    clock.now += 9.9
    assert not same(secrets.stripe_suite(), control.value(STRIPE))
    assert control.count(STRIPE) == before
    clock.now += 0.1
    for _ in range(100):
        assert same(secrets.stripe_suite(), control.value(STRIPE))
    assert control.count(STRIPE) == before + 1
    clock.now += 10
    secrets.stripe_suite()
    assert control.count(STRIPE) == before + 2
    assert not secrets.stale()


def test_without_a_clock_of_its_own_it_renews_too(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRETS_REFRESH_SECONDS", "1")
    secrets = Secrets.open()
    control.put(STRIPE, control.fresh())
    waiting, deadline = threading.Event(), DEADLINE
    while not same(secrets.stripe_suite(), control.value(STRIPE)):
        assert deadline > 0
        waiting.wait(0.05)
        deadline -= 0.05


def test_fifty_readers_at_the_same_moment_ask_once(secrets: Secrets, control: Control, clock: Clock) -> None:
    before = control.count(POSTGRES)
    control.put(POSTGRES, '{"username": "%s", "password": "%s", "port": "%s"}' % tuple(control.fresh() for _ in range(3)))  # noqa: UP031
    control.slow(200)
    clock.now += 10
    read = at_once(50, secrets.postgres_suite)
    assert control.count(POSTGRES) == before + 1
    assert all(same(postgres.password, control.held(POSTGRES, "password")) for postgres in read)


def test_refresh_reads_all_at_once(secrets: Secrets, control: Control) -> None:
    before = {name: control.count(name) for name in ALL}
    control.put(STRIPE, control.fresh())
    control.put_binary(TLS, control.fresh().encode())
    secrets.refresh()
    assert all(control.count(name) == before[name] + 1 for name in ALL)
    assert same(secrets.stripe_suite(), control.value(STRIPE))
    assert same(secrets.tls_suite(), control.value(TLS))
    assert all(control.count(name) == before[name] + 1 for name in ALL)


class CountedLock:
    """A lock that says how many wait."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._count = threading.Condition()
        self._waiting = 0

    def acquire(self, blocking: bool = True) -> bool:
        with self._count:
            self._waiting += 1
            self._count.notify_all()
        return self._lock.acquire(blocking=blocking, timeout=DEADLINE if blocking else -1)

    def release(self) -> None:
        self._lock.release()

    def __enter__(self) -> None:
        assert self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def await_waiting(self, times: int) -> None:
        with self._count:
            assert self._count.wait_for(lambda: self._waiting >= times, DEADLINE)


def test_calls_of_refresh_share_one_request_that_began_after_them(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate()
    secrets = Secrets(gate, refresh_seconds=10)
    lock = CountedLock()
    monkeypatch.setattr(secrets._entries[STRIPE], "_lock", lock)
    gate.close()
    first = threading.Thread(target=secrets.refresh, daemon=True)
    first.start()
    assert gate.arrived.wait(DEADLINE)
    others = [threading.Thread(target=secrets.refresh, daemon=True) for _ in range(49)]
    for thread in others:
        thread.start()
    lock.await_waiting(50)
    gate.opened.set()
    for thread in (first, *others):
        thread.join(DEADLINE)
        assert not thread.is_alive()
    # One at open, one that was on its way, one for all others.
    assert gate.asked == 3


def test_while_it_fails_one_reader_tries_and_the_others_do_not_wait(clock: Clock) -> None:
    gate = Gate()
    secrets = Secrets(gate, refresh_seconds=10)
    gate.fails = _runtime.UnusableError("the gate fails")
    clock.now += 10
    secrets.stripe_suite()
    gate.close()
    clock.now += 10
    trying = threading.Thread(target=secrets.stripe_suite, daemon=True)
    trying.start()
    assert gate.arrived.wait(DEADLINE)
    at_once(20, secrets.stripe_suite)
    assert trying.is_alive()
    gate.opened.set()
    trying.join(DEADLINE)
    assert not trying.is_alive()
    assert gate.asked == 3


def test_a_fork_does_not_share_connections(control: Control) -> None:
    source = _runtime._SecretsManager()
    secrets = Secrets(source, refresh_seconds=10)
    before = control.count(STRIPE)
    process = os.fork()
    if process == 0:
        secrets.refresh()
        os._exit(0 if not secrets.stale() and source._process == os.getpid() else 1)
    _, status = os.waitpid(process, 0)
    secrets.refresh()
    assert status == 0
    assert not secrets.stale()
    assert control.count(STRIPE) == before + 2
