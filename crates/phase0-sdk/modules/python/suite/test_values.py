"""What is made of the bytes at the server."""

import json

import pytest

from conftest import POSTGRES, STRIPE, TLS, Control, same
from suite_secrets import Secrets, SecretsError

WRITTEN = {
    "as-written": ("1.10", "1.10"),
    "large": ("12345678901234567890", "12345678901234567890"),
    "larger-than-python-parses": ("1" * 5000, "1" * 5000),
    "exponent": ("-1E+05", "-1E+05"),
    "minus-zero": ("-0", "-0"),
    "true": ("true", "true"),
    "false": ("false", "false"),
    "empty": ('""', ""),
    "escapes": (r'"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\u0000"', 'a"\\/\b\f\n\r\té😀\0'),
    "direct": ('"é😀\u202e\ufeff\x7f"', "é😀\u202e\ufeff\x7f"),
}


@pytest.mark.parametrize("what", WRITTEN)
def test_a_property_is_taken_as_written(control: Control, what: str) -> None:
    written, expected = WRITTEN[what]
    control.put(POSTGRES, f' {{"username": "%s", "password": "", "port": {written}, "other": [null, {{}}]}}\n' % control.fresh())
    assert same(Secrets.open().postgres_suite().port, expected)


def test_of_equal_properties_the_last_counts(control: Control) -> None:
    first, second = control.fresh(), control.fresh()
    held = '{"password": null, "username": "", "password": "%s", "port": 1, "password": "%s"}' % (first, second)  # noqa: UP031
    control.put(POSTGRES, held)
    assert same(Secrets.open().postgres_suite().password, second)


NO_TEXT = {"null": "null", "an-object": "{}", "an-array": '["x"]', "half-a-pair": r'"\ud83d"'}


@pytest.mark.parametrize("what", NO_TEXT)
def test_a_property_that_is_no_text_is_refused(control: Control, what: str) -> None:
    control.put(POSTGRES, '{"username": "", "password": %s, "port": "%s"}' % (NO_TEXT[what], control.fresh()))  # noqa: UP031
    with pytest.raises(SecretsError) as refused:
        Secrets.open()
    assert f"\n  {POSTGRES}: its property `password` is no text\n" in str(refused.value)


NO_OBJECT = {
    "text": "x",
    "empty-array": "[]",
    "null": "null",
    "number": "1",
    "two": "{} {}",
    "open": '{"username": "x"',
    "comma": '{"username": "x",}',
    "not-a-number": '{"username": NaN, "password": "x", "port": "x"}',
    "infinity": '{"username": -Infinity, "password": "x", "port": "x"}',
    "control-character": '{"username": "\x01", "password": "x", "port": "x"}',
    "byte-order-mark": '\ufeff{"username": "x", "password": "x", "port": "x"}',
    "single-quotes": "{'username': 'x', 'password': 'x', 'port': 'x'}",
    "deep": '{"username": ' + "[" * 20_000 + "]" * 20_000 + "}",
}


@pytest.mark.parametrize("what", NO_OBJECT)
def test_what_is_no_object_is_refused(control: Control, what: str) -> None:
    control.put(POSTGRES, NO_OBJECT[what])
    with pytest.raises(SecretsError) as refused:
        Secrets.open()
    assert f"\n  {POSTGRES}: it is no JSON object\n" in str(refused.value)


TEXTS = {
    "trailing-newline": "{}\n",
    "blank": " {}\t\r\n ",
    "unusual": "{}\u2028\ufeff\x7f\u202e😀é\u0065\u0301",
    "json": '{{"not": "{}"}}',
    "longest": "{}" + "€" * 21_000,
}


@pytest.mark.parametrize("what", TEXTS)
def test_a_text_is_taken_as_it_is(control: Control, what: str) -> None:
    text = TEXTS[what].format(control.fresh())
    control.put(STRIPE, text)
    assert same(Secrets.open().stripe_suite(), text)


def test_bytes_are_taken_as_they_are(control: Control) -> None:
    longest = (control.fresh().encode() + bytes(range(256)) * 256)[:65536]
    for data in (b"\0", b"\0\xff\n" + control.fresh().encode() + b"\0", bytes(range(256)), longest):
        control.put_binary(TLS, data)
        assert same(Secrets.open().tls_suite(), data)


def test_a_binary_secret_may_lie_there_as_text_and_a_text_as_bytes(control: Control) -> None:
    for data in (control.fresh(), "é😀"):
        control.put(TLS, data)
        control.put_binary(STRIPE, data.encode())
        secrets = Secrets.open()
        assert same(secrets.tls_suite(), data)
        assert same(secrets.stripe_suite(), data)


def test_properties_may_lie_there_as_bytes(control: Control) -> None:
    value = control.fresh()
    control.put_binary(POSTGRES, json.dumps({"username": value, "password": value, "port": 5432}).encode())
    assert same(Secrets.open().postgres_suite().password, value)


NO_UTF_8 = {
    "lone": b"\x80",
    "overlong": b"\xc0\xaf",
    "surrogate": b"\xed\xa0\x80",
    "cut": b"\xe2\x82",
    "latin": "é".encode("latin-1"),
}


@pytest.mark.parametrize("what", NO_UTF_8)
def test_text_must_be_utf_8(control: Control, what: str) -> None:
    control.put_binary(STRIPE, control.fresh().encode() + NO_UTF_8[what])
    control.put_binary(POSTGRES, NO_UTF_8[what])
    with pytest.raises(SecretsError) as refused:
        Secrets.open()
    assert f"\n  {POSTGRES}: it is no UTF-8 text\n  {STRIPE}: it is no UTF-8 text\n" in str(refused.value)
