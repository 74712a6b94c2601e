"""What the type checker refuses: each line of `refused/` that ends with `# refused: …`, with these words, and no other."""

import os
import re
import subprocess
import sys
from pathlib import Path

from conftest import MODULE

HERE = Path(__file__).parent


def test_mistakes_are_refused() -> None:
    expected = set()
    files = sorted((HERE / "refused").glob("*.py"))
    for file in files:
        for number, line in enumerate(file.read_text().splitlines(), 1):
            if "# refused: " in line:
                expected.add(f"{file.name}:{number}: error: {line.split('# refused: ')[1]}")
    assert len(expected) >= len(files) >= 4
    # The settings of the package: they are what an application would copy.
    command = [sys.executable, "-m", "mypy", "--config-file", str(MODULE / "pyproject.toml"), "--cache-dir", os.devnull]
    command += ["--no-error-summary", "--hide-error-context", *map(str, files)]
    answer = subprocess.run(
        command, env={**os.environ, "MYPYPATH": str(MODULE / "src")}, capture_output=True, text=True, check=False
    )
    said = {re.sub(r"^.*refused/", "", line) for line in answer.stdout.splitlines() if ": error: " in line}
    assert answer.stderr == ""
    assert said == expected, answer.stdout
