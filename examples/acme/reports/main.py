"""Writes the weekly reports of the shop.

Left of it here: how it gets its secret, and a request to the server that asks for it.
"""

import base64
import os
import sys
import urllib.request

from reports_secrets import Secrets, SecretsError, SettingsError


def is_accepted(datasource: str, username: str, password: str) -> bool:
    """Ask a server whether it lets us in."""
    url = f"{os.environ['BACKEND_URL']}/{datasource}"
    login = base64.b64encode(f"{username}:{password}".encode()).decode()
    request = urllib.request.Request(url, headers={"Authorization": f"Basic {login}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status == 200
    except (OSError, ValueError):
        # Not shown: it quotes a header that can't be sent.
        return False


def main() -> int:
    """Connect, and return the exit code."""
    try:
        secrets = Secrets.open()
    except (SecretsError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 1
    held = secrets.postgres_reports()
    if not is_accepted("postgres", held.username.expose(), held.password.expose()):
        print("reports: postgres refused", file=sys.stderr)
        return 1
    print("reports: connected to postgres")
    return 0


if __name__ == "__main__":
    sys.exit(main())
