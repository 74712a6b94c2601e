#!/usr/bin/env python3
"""As much of the `aws` command as guides type: operations of Secrets Manager on one secret, against a server that checks no signature."""

import json
import os
import sys
import urllib.request
import uuid

_, service, operation, *rest = sys.argv
assert service == "secretsmanager", service
options = dict(zip(rest[::2], rest[1::2], strict=True))
body = {"SecretId": options["--secret-id"]}
if "--secret-string" in options:
    with open(options["--secret-string"].removeprefix("file://"), encoding="utf-8") as file:
        body |= {"SecretString": file.read(), "ClientRequestToken": str(uuid.uuid4())}
target = "".join(word.capitalize() for word in operation.split("-"))
scope = f"{os.environ['AWS_ACCESS_KEY_ID']}/20260101/{os.environ['AWS_REGION']}/secretsmanager/aws4_request"
headers = {
    "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
    "content-type": "application/x-amz-json-1.1",
    "x-amz-security-token": os.environ["AWS_SESSION_TOKEN"],
    "x-amz-target": f"secretsmanager.{target}",
}
request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"], json.dumps(body).encode(), headers)
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).close()
