"""Values for a developer's machine, from a file or made up. Nothing but a call of ``open_mock`` leads here.

A production build may leave this file out.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import os
from pathlib import Path
from typing import TypeVar

from . import Secrets, SettingsError
from ._runtime import SecretBytes, Spec, UnusableError

_log = logging.getLogger(__package__)

T = TypeVar("T")

# Set by Kubernetes, ECS and Lambda.
_PLATFORM = (
    "KUBERNETES_SERVICE_HOST",
    "ECS_CONTAINER_METADATA_URI",
    "ECS_CONTAINER_METADATA_URI_V4",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_EXECUTION_ENV",
)


class MockRefusedError(RuntimeError):
    """Mock values are refused: it is no developer's machine."""


def open_mock(path: str | os.PathLike[str] | None = None) -> Secrets:
    """Take values from a JSON file, and make up what it does not say.

    The file is one object: names of secrets, and for each a text, an object of properties, or base64 text for a binary one.
    Raises ``MockRefusedError`` on a platform unless the variable CI is set, and ``SettingsError`` where the file is no such object.
    """
    seen = [f"{name} is set" for name in _PLATFORM if name in os.environ]
    if os.environ.get("SYSTEMD_EXEC_PID") == str(os.getpid()):
        seen.append("SYSTEMD_EXEC_PID is this process")
    if seen and not os.environ.get("CI"):
        raise MockRefusedError(f"mock values are for a developer's machine: {', '.join(seen)}")
    source = _Mock(path)
    _log.warning("secrets are made up" if path is None else f"secrets are made up, but for those in {source.place}")
    return Secrets(source, refresh_seconds=300)


class _Mock:
    hint = "a text is a text there, a binary secret base64 text, and any other secret an object of its properties"

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self.place = "made-up values" if path is None else os.fspath(path)
        self._said = {} if path is None else _json_object(path)

    def read(self, spec: Spec[T]) -> T:
        said = self._said.get(spec.name)
        if not isinstance(spec.files, str):
            made_up = {name: f"mock-{name}-of-{spec.name}" for name in spec.files}
            if not isinstance(said, dict | None):
                raise UnusableError("it is no JSON object")
            return spec.from_whole(json.dumps({**made_up, **(said or {})}).encode())
        if said is None:
            return spec.from_whole(f"mock-value-of-{spec.name}".encode())
        if not isinstance(said, str):
            raise UnusableError("it is no text")
        if spec.make is not SecretBytes:
            return spec.from_whole(said.encode())
        try:
            return spec.from_whole(base64.b64decode(said, validate=True))
        except binascii.Error:
            raise UnusableError("it is no base64 text") from None


def _json_object(path: str | os.PathLike[str]) -> dict[str, object]:
    try:
        held: object = json.loads(Path(path).read_bytes(), parse_int=str, parse_float=str)
    except ValueError:  # quotes the text, so it is not passed on
        held = None
    if not isinstance(held, dict):
        raise SettingsError(f"{os.fspath(path)} is no JSON object")
    return held
