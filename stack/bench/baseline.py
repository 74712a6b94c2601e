"""What a good script does today: every secret of an account into KV v2, created with check-and-set 0, marked, read back and compared.

`cargo xtask bench` measures `migrate` against it. So it is written to be fast: BatchGetSecretValue in groups of 20, 16 writer threads that
begin while reading goes on, one pooled keep-alive connection for each. It needs the variables of the AWS SDK and of the Vault CLI, and prints
how many secrets it copied in how many seconds, from the first read to the last comparison, Python's own start not counted.
"""

import argparse
import base64
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
import hvac
import requests

WRITERS = 16
BATCH = 20


def entry(secret):
    """A KV v2 map: the members of a JSON object of strings, else the text or the bytes under one key."""
    if "SecretBinary" in secret:
        return {"value": base64.b64encode(secret["SecretBinary"]).decode()}
    text = secret["SecretString"]
    try:
        members = json.loads(text)
    except ValueError:
        members = None
    if isinstance(members, dict) and members and all(isinstance(member, str) for member in members.values()):
        return members
    return {"value": text}


class Writers:
    """16 threads, each with a client and a connection of its own."""

    def __init__(self, mount):
        self.mount = mount
        self.local = threading.local()

    def client(self):
        if not hasattr(self.local, "client"):
            session = requests.Session()
            # Neither a proxy nor ~/.netrc belongs between us and the server, and looking for them costs time on every request.
            session.trust_env = False
            session.verify = os.environ["VAULT_CACERT"]
            self.local.client = hvac.Client(
                url=os.environ["VAULT_ADDR"], token=os.environ["VAULT_TOKEN"], session=session, verify=os.environ["VAULT_CACERT"]
            )
        return self.local.client.secrets.kv.v2

    def copy(self, secret):
        kv, path, data = self.client(), secret["Name"], entry(secret)
        kv.update_metadata(path, mount_point=self.mount, custom_metadata={"source-version": secret["VersionId"], "wave": "bench"})
        kv.create_or_update_secret(path, secret=data, cas=0, mount_point=self.mount)
        read = kv.read_secret_version(path, mount_point=self.mount, raise_on_deleted_version=True)["data"]
        if read["data"] != data or read["metadata"]["version"] != 1:
            raise SystemExit(f"{path} does not read back as it was written")


def names(store):
    for page in store.get_paginator("list_secrets").paginate(PaginationConfig={"PageSize": 100}):
        for secret in page["SecretList"]:
            yield secret["Name"]


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--mount", required=True)
    mount = arguments.parse_args().mount

    store = boto3.client("secretsmanager")
    listed = sorted(names(store))
    writers = Writers(mount)
    start = time.perf_counter()
    with ThreadPoolExecutor(WRITERS) as pool:
        copies = []
        for first in range(0, len(listed), BATCH):
            batch = store.batch_get_secret_value(SecretIdList=listed[first : first + BATCH])
            if batch.get("Errors"):
                raise SystemExit(f"not readable: {[error['SecretId'] for error in batch['Errors']]}")
            copies += [pool.submit(writers.copy, secret) for secret in batch["SecretValues"]]
        for copy in copies:
            copy.result()
    print(json.dumps({"secrets": len(copies), "seconds": time.perf_counter() - start}))


if __name__ == "__main__":
    main()
