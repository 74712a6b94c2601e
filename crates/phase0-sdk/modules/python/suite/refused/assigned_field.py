from suite_secrets import Secrets, SecretText


def run(secrets: Secrets) -> None:
    held = secrets.postgres_suite()
    held.password = SecretText("new")  # refused: Property "password" defined in "PostgresSuite" is read-only  [misc]
    held.passwort = SecretText("new")  # refused: "PostgresSuite" has no attribute "passwort"; maybe "password"?  [attr-defined]
