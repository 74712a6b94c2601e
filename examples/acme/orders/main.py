"""Takes the orders of the shop.

Left of it here: how it gets its secrets, and a request to each server that asks for one.
"""

import base64
import os
import sys
import urllib.request

from orders_secrets import Secrets, SecretsError, SettingsError


def basic(username: str, password: str) -> str:
    """Return the header that says who we are by name and password."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def is_accepted(datasource: str, authorization: str) -> bool:
    """Ask a server whether it lets us in."""
    url = f"{os.environ['BACKEND_URL']}/{datasource}"
    request = urllib.request.Request(url, headers={"Authorization": authorization})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status == 200
    except (OSError, ValueError):
        # Not shown: it quotes a header that can't be sent.
        return False


def main() -> int:
    """Connect to all servers, and return the exit code."""
    try:
        secrets = Secrets.open()
    except (SecretsError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 1
    postgres, token = secrets.postgres_orders(), secrets.rabbitmq_orders()
    authorizations = {
        "postgres": basic(postgres.username.expose(), postgres.password.expose()),
        "rabbitmq": f"Bearer {token.expose()}",
    }
    code = 0
    for datasource, authorization in authorizations.items():
        if is_accepted(datasource, authorization):
            print(f"orders: connected to {datasource}")
        else:
            print(f"orders: {datasource} refused", file=sys.stderr)
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
