"""Nothing shows a value but `expose`."""

import copy
import dataclasses
import io
import json
import logging
import pickle
import pprint
import string
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conftest import CANARY, POSTGRES, Clock, Control, same, shows
from suite_secrets import PostgresSuite, SecretBytes, Secrets, SecretText

TEXT = SecretText(CANARY)
BYTES = SecretBytes(CANARY.encode())


@pytest.fixture
def everything() -> Iterator[io.StringIO]:
    """All that is logged by anybody, at debug level."""
    stream, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(stream), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.parametrize("value", [TEXT, BYTES], ids=["text", "bytes"])
def test_every_way_of_text_shows_a_placeholder(value: SecretText | SecretBytes) -> None:
    assert repr(value) == str(value) == f"{value}" == f"{value!r}" == f"{value:>40}" == "[secret]"
    assert f"{value!s}" == f"{value!a}" == ascii(value) == format(value, "s") == pprint.pformat(value) == "[secret]"
    assert "%s %r %a" % (value, value, value) == "[secret] [secret] [secret]"  # noqa: UP031
    assert "{} {!r} {:x}".format(value, value, value) == "[secret] [secret] [secret]"  # noqa: UP032
    assert string.Template("$value").substitute(value=value) == "[secret]"


def test_so_does_what_holds_one() -> None:
    held = PostgresSuite(TEXT, TEXT, TEXT)
    shown = "PostgresSuite(username=[secret], password=[secret], port=[secret])"
    assert repr(held) == str(held) == f"{held}" == shown
    assert repr([TEXT, (BYTES,), {"a": held}]) == f"[[secret], ([secret],), {{'a': {shown}}}]"
    for made in (dataclasses.asdict(held), dataclasses.astuple(held), dataclasses.replace(held), vars(held)):
        assert not shows(repr(made))
        assert not shows(pprint.pformat(made))
    assert not shows(repr(ValueError(held, TEXT)))
    assert not shows(str(KeyError(BYTES)))


def test_the_opened_secrets_show_nothing(secrets: Secrets) -> None:
    seen: list[object] = [secrets]
    for one in seen:
        assert not shows(repr(one))
        if hasattr(one, "__dict__") and not isinstance(one, type):
            seen.extend(vars(one).values())
        if isinstance(one, dict):
            seen.extend(one.values())
    assert any(isinstance(one, PostgresSuite) for one in seen)


@pytest.mark.parametrize("value", [TEXT, BYTES, PostgresSuite(TEXT, TEXT, TEXT), [TEXT]], ids=["text", "bytes", "object", "list"])
def test_serialising_is_refused(value: object) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="can't be serialised"):
            pickle.dumps(value, protocol)
    with pytest.raises(TypeError, match="is not JSON serializable"):
        json.dumps(value)
    assert json.dumps([TEXT, BYTES], default=str) == '["[secret]", "[secret]"]'


@pytest.mark.parametrize("value", [TEXT, BYTES], ids=["text", "bytes"])
def test_nothing_else_gives_its_content(value: SecretText | SecretBytes) -> None:
    with pytest.raises(TypeError):
        value.__getstate__()
    with pytest.raises(TypeError):
        vars(value)
    ways: list[Callable[[Any], object]] = [bytes, list, len, hash, memoryview, int, iter]
    for way in ways:
        with pytest.raises(TypeError):
            way(value)
    assert same(copy.copy(value), CANARY)
    assert same(copy.deepcopy([value])[0], CANARY)


def test_equality_is_of_values_of_one_kind() -> None:
    assert SecretText("é") == SecretText("é")
    assert SecretBytes(b"a\0") == SecretBytes(b"a\0")
    assert SecretText("a") != SecretText("b")
    assert SecretText("a") != SecretText("ab")
    assert SecretText("a") != "a"
    assert SecretBytes(b"a") != b"a"
    assert SecretText("a") != SecretBytes(b"a")
    assert PostgresSuite(TEXT, TEXT, TEXT) == PostgresSuite(TEXT, TEXT, SecretText(CANARY))


def test_a_field_can_not_be_assigned() -> None:
    held = PostgresSuite(TEXT, TEXT, TEXT)
    with pytest.raises(dataclasses.FrozenInstanceError):
        held.port = TEXT  # type: ignore[misc]


def test_no_log_shows_a_value(everything: io.StringIO, control: Control, clock: Clock) -> None:
    secrets = Secrets.open()
    logging.getLogger("app").debug("%s %r %s", secrets.postgres_suite(), secrets.tls_suite(), [secrets.stripe_suite()])
    secrets.refresh()
    control.put(POSTGRES, '{"username": "%s"' % control.fresh())  # noqa: UP031
    clock.now += 300
    secrets.postgres_suite()
    assert "it is no JSON object" in everything.getvalue()
    # botocore logged all the while.
    assert "GetSecretValue" in everything.getvalue()
    assert not shows(everything.getvalue())


def test_other_users_of_the_sdk_keep_their_logs(everything: io.StringIO, secrets: Secrets, clock: Clock) -> None:
    clock.now += 10
    secrets.stripe_suite()
    logging.getLogger("botocore.parsers").debug("an answer to somebody else")
    assert "an answer to somebody else" in everything.getvalue()
