from suite_secrets import Secrets


def run(secrets: Secrets) -> None:
    secrets.postgres_suite()
    secrets.postgres_orders()  # refused: "Secrets" has no attribute "postgres_orders"  [attr-defined]
