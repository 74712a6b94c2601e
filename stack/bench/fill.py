"""Fills an account of its own with mixed secrets for the bench, and prints its credentials as environment variables in JSON.

Needs AWS_ENDPOINT_URL and AWS_REGION. The values are made up and stay in the servers.
"""

import argparse
import json
import os
import secrets
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3


def values(number):
    """One secret of each kind in turn: mostly small, as estates are, with some PEM files, bytes and the largest that the store takes."""
    word = secrets.token_urlsafe(24)
    match number % 10:
        case 0 | 1 | 2 | 3:
            return {"SecretString": json.dumps({"username": f"app-{number}", "password": word, "host": "db.example.internal"})}
        case 4 | 5:
            return {"SecretString": word}
        case 6:
            return {"SecretString": json.dumps({"password": word, "port": 3306, "tls": True, "pool": {"min": 1, "max": 8}})}
        case 7:
            lines = "\n".join(secrets.token_urlsafe(48) for _ in range(26))
            return {"SecretString": f"-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n"}
        case 8:
            return {"SecretBinary": secrets.token_bytes(1024)}
        case _:
            size = 65_536 if number % 100 == 9 else 4_096
            return {"SecretString": word + "x" * (size - len(word))}


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--count", type=int, required=True)
    count = arguments.parse_args().count

    # moto keeps accounts apart by assumed roles.
    account = f"{secrets.randbelow(10**12):012}"
    sts = boto3.client("sts", aws_access_key_id="test", aws_secret_access_key="test")
    role = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/migration", RoleSessionName="bench")["Credentials"]
    store = boto3.client(
        "secretsmanager",
        aws_access_key_id=role["AccessKeyId"],
        aws_secret_access_key=role["SecretAccessKey"],
        aws_session_token=role["SessionToken"],
    )

    def create(number):
        store.create_secret(Name=f"platform-data/mysql/app-{number:05}", **values(number))

    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(create, range(count)):
            pass
    json.dump(
        {
            "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"],
            "AWS_REGION": os.environ["AWS_REGION"],
            "AWS_ACCESS_KEY_ID": role["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": role["SecretAccessKey"],
            "AWS_SESSION_TOKEN": role["SessionToken"],
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
