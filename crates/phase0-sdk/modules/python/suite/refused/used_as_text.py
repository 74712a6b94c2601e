from suite_secrets import Secrets


def connect(password: str) -> None:
    del password


def run(secrets: Secrets) -> str:
    connect(secrets.postgres_suite().password.expose())
    connect(secrets.postgres_suite().password)  # refused: Argument 1 to "connect" has incompatible type "SecretText"; expected "str"  [arg-type]
    connect(secrets.tls_suite().expose())  # refused: Argument 1 to "connect" has incompatible type "bytes"; expected "str"  [arg-type]
    text = "Bearer " + secrets.stripe_suite()  # refused: Unsupported operand types for + ("str" and "SecretText")  [operator]
    assert len(secrets.stripe_suite())  # refused: Argument 1 to "len" has incompatible type "SecretText"; expected "Sized"  [arg-type]
    assert text
    return secrets.stripe_suite()  # refused: Incompatible return value type (got "SecretText", expected "str")  [return-value]
