// A start that fails says everything at once, in words that are fixed.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { Secrets } from "../../module/dist/index.js";
import {
  POSTGRES,
  SMTP,
  STRIPE,
  TLS,
  count,
  deny,
  environment,
  fresh,
  put,
  refusal,
  remove,
  reset,
  stop,
} from "./control.js";

const ADVICE =
  "check names, region and the rights of this process; `aws secretsmanager describe-secret --secret-id NAME` shows what it may see";

beforeEach(reset);

describe("a start that fails", () => {
  test("names each secret that could not be read, and why", async () => {
    await put(POSTGRES, JSON.stringify({ username: fresh(), port: fresh() }));
    await remove(STRIPE);
    const error = await refusal(Secrets.open());
    assert.equal(
      error.message,
      `suite can't start: 2 of 4 secrets could not be read from Secrets Manager
  platform-data/postgres/suite: it has no property \`password\`
  platform-data/stripe/suite: ResourceNotFoundException: Secrets Manager can't find the specified secret.
${ADVICE}`,
    );
    assert.equal(error.name, "OpenError");
    assert.deepEqual(error.names, [POSTGRES, STRIPE]);
    assert.equal(error.cause, undefined);
  });

  test("says what it may not read", async () => {
    await deny(TLS);
    const error = await refusal(Secrets.open());
    assert.match(error.message, /^ {2}platform-data\/tls\/suite: AccessDeniedException: .+$/m);
    assert.deepEqual(error.names, [TLS]);
  });

  test("ends when the server is away", async () => {
    await stop();
    const error = await refusal(Secrets.open());
    assert.match(error.message, /^suite can't start: 4 of 4 secrets could not be read from Secrets Manager\n/);
    assert.match(error.message, /^ {2}platform-data\/postgres\/suite: .*ECONNREFUSED/m);
    assert.deepEqual(error.names, [POSTGRES, SMTP, STRIPE, TLS]);
  });

  test("has no other place to go when no region is known", async (t) => {
    environment(t, { AWS_REGION: undefined, AWS_DEFAULT_REGION: undefined, AWS_CONFIG_FILE: "/dev/null" });
    const error = await refusal(Secrets.open());
    assert.match(error.message, /^ {2}platform-data\/stripe\/suite: Region is missing$/m);
  });
});

describe("variables", () => {
  const bad: [string, string, string][] = [
    ["SECRETS_SOURCE", "mock", "SECRETS_SOURCE must be secrets-manager or files"],
    ["SECRETS_SOURCE", "", "SECRETS_SOURCE must be secrets-manager or files"],
    ["SECRETS_SOURCE", "Files", "SECRETS_SOURCE must be secrets-manager or files"],
    ["SECRETS_DIR", "etc/secrets", "SECRETS_DIR must be an absolute path"],
    ["SECRETS_DIR", "", "SECRETS_DIR must be an absolute path"],
    ...["0", "86401", "-1", "1.5", "1e3", "0x10", " 5", "", "five", "9".repeat(40)].map(
      (value): [string, string, string] => [
        "SECRETS_REFRESH_SECONDS",
        value,
        "SECRETS_REFRESH_SECONDS must be a whole number from 1 to 86400",
      ],
    ),
  ];
  for (const [name, value, message] of bad) {
    test(`${name} can't be \`${value}\``, async (t) => {
      environment(t, { [name]: value });
      const before = await count(STRIPE);
      const error = await refusal(Secrets.open());
      assert.equal(error.message, `suite can't start: ${message}`);
      assert.deepEqual(error.names, []);
      assert.equal((await count(STRIPE)) - before, 0);
    });
  }

  test("the ends of the range are in it", async (t) => {
    for (const seconds of ["1", "86400"]) {
      environment(t, { SECRETS_SOURCE: "secrets-manager", SECRETS_REFRESH_SECONDS: seconds });
      await Secrets.open();
    }
  });
});
