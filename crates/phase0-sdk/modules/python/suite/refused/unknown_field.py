from suite_secrets import Secrets


def run(secrets: Secrets) -> None:
    secrets.smtp_suite().user_name.expose()
    secrets.smtp_suite().user.expose()  # refused: "SmtpSuite" has no attribute "user"  [attr-defined]
    secrets.stripe_suite().password.expose()  # refused: "SecretText" has no attribute "password"  [attr-defined]
