// Made-up values, and all that keeps them away from a platform.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { beforeEach, describe, test, type TestContext } from "node:test";

import { Secrets } from "../../module/dist/index.js";
import { openMock } from "../../module/dist/mock.js";
import { Kept, MODULE_DIR, POSTGRES, STRIPE, TLS, environment, fresh, refusal, same, valuesFolder } from "./control.js";

const MARKS = [
  "KUBERNETES_SERVICE_HOST",
  "ECS_CONTAINER_METADATA_URI",
  "ECS_CONTAINER_METADATA_URI_V4",
  "AWS_LAMBDA_FUNCTION_NAME",
  "AWS_EXECUTION_ENV",
];

const NONE = Object.fromEntries([...MARKS, "SYSTEMD_EXEC_PID", "CI"].map((name) => [name, undefined]));

beforeEach((t) => {
  // No store may be needed.
  environment(t as TestContext, { ...NONE, AWS_ENDPOINT_URL: "http://127.0.0.1:9" });
});

async function file(contents: unknown): Promise<string> {
  const path = join(await valuesFolder(), "mock.json");
  writeFileSync(path, typeof contents === "string" ? contents : JSON.stringify(contents));
  return path;
}

describe("made-up values", () => {
  test("are there for everything", async () => {
    const log = new Kept();
    const secrets: Secrets = await openMock(undefined, { log });
    const { username, port } = await secrets.postgresSuite();
    assert.ok(same(username, `mock-username-of-${POSTGRES}`));
    assert.ok(same(port, `mock-port-of-${POSTGRES}`));
    assert.ok(same((await secrets.smtpSuite()).userName, "mock-user-name-of-platform-data/smtp/suite"));
    assert.ok(same(await secrets.stripeSuite(), `mock-value-of-${STRIPE}`));
    assert.ok(same(await secrets.tlsSuite(), `mock-value-of-${TLS}`));
    assert.deepEqual(log.warnings, ["suite: values are made up"]);
    assert.deepEqual(secrets.stale(), []);
  });

  test("give way to what a file says", async () => {
    const [username, stripe, tls] = [fresh(), fresh(), Buffer.concat([Buffer.from([0, 255]), Buffer.from(fresh())])];
    const path = await file(
      `{"${POSTGRES}": {"username": "${username}", "port": 1.10}, "${STRIPE}": "${stripe}", "${TLS}": "${tls.toString("base64")}", "other": null}`,
    );
    const log = new Kept();
    const secrets = await openMock(path, { log });
    const postgres = await secrets.postgresSuite();
    assert.ok(same(postgres.username, username) && same(postgres.port, "1.10"));
    assert.ok(same(postgres.password, `mock-password-of-${POSTGRES}`));
    assert.ok(same(await secrets.stripeSuite(), stripe) && same(await secrets.tlsSuite(), tls));
    assert.deepEqual(log.warnings, [`suite: values are made up, but for those in ${path}`]);
  });

  test("are renewed like others", async () => {
    const path = await file({ [STRIPE]: fresh() });
    const secrets = await openMock(path, { log: new Kept() });
    const value = fresh();
    writeFileSync(path, JSON.stringify({ [STRIPE]: value }));
    await secrets.refresh();
    assert.ok(same(await secrets.stripeSuite(), value));
  });

  test("need a file that says what it can", async () => {
    const value = fresh();
    const path = await file({ [POSTGRES]: value, [STRIPE]: { [value]: value }, [TLS]: `%${value}` });
    const error = await refusal(openMock(path, { log: new Kept() }));
    assert.equal(
      error.message,
      `suite can't start: 3 of 4 secrets could not be read from ${path}
  platform-data/postgres/suite: it is no JSON object
  platform-data/stripe/suite: it is no text
  platform-data/tls/suite: it is no base64 text
check what the file holds under these names`,
    );
    const broken = await refusal(openMock(await file(`{"${value}`), { log: new Kept() }));
    assert.match(broken.message, /^ {2}platform-data\/stripe\/suite: the file is no JSON object$/m);
    const gone = await refusal(openMock(`${path}.gone`, { log: new Kept() }));
    assert.match(gone.message, /^ {2}platform-data\/stripe\/suite: ENOENT: /m);
  });
});

describe("a platform", () => {
  for (const mark of MARKS) {
    test(`is told by ${mark}`, async (t) => {
      environment(t, { [mark]: "" });
      const log = new Kept();
      const error = await refusal(openMock(undefined, { log }));
      assert.equal(
        error.message,
        `suite can't start: made-up values are for a developer's machine, and this is none: ${mark} is set`,
      );
      assert.deepEqual(error.names, []);
      assert.deepEqual(log.warnings, []);
    });
  }

  test("is told by systemd, of the process that it started", async (t) => {
    environment(t, { SYSTEMD_EXEC_PID: String(process.pid) });
    assert.match((await refusal(openMock())).message, /: SYSTEMD_EXEC_PID is set$/);
    environment(t, { SYSTEMD_EXEC_PID: String(process.ppid) });
    await openMock(undefined, { log: new Kept() });
  });

  test("is none where CI is set to something", async (t) => {
    environment(t, { KUBERNETES_SERVICE_HOST: "10.0.0.1", SYSTEMD_EXEC_PID: String(process.pid), CI: "" });
    await refusal(openMock());
    environment(t, { CI: "true" });
    await openMock(undefined, { log: new Kept() });
  });
});

describe("no way leads there", () => {
  test("from a variable", async (t) => {
    for (const value of ["mock", "Mock", "made-up"]) {
      environment(t, { SECRETS_SOURCE: value });
      assert.equal(
        (await refusal(Secrets.open())).message,
        "suite can't start: SECRETS_SOURCE must be secrets-manager or files",
      );
    }
  });

  test("from the rest of the package", () => {
    for (const name of ["index", "runtime"]) {
      const imports = readFileSync(join(MODULE_DIR, "dist", `${name}.js`), "utf8").matchAll(
        / from "([^"]+)";|import\(/g,
      );
      assert.ok(![...imports].some(([found, from]) => from?.includes("mock") ?? found.startsWith("import(")));
    }
  });
});

describe("the package", () => {
  const from = createRequire(join(MODULE_DIR, "package.json"));
  const { name } = from("./package.json") as { name: string };

  test("has two doors", () => {
    assert.equal(from.resolve(name), join(MODULE_DIR, "dist", "index.js"));
    assert.equal(from.resolve(`${name}/mock`), join(MODULE_DIR, "dist", "mock.js"));
    for (const path of ["runtime", "dist/runtime.js", "dist/index.js", "package.json"]) {
      assert.throws(() => from.resolve(`${name}/${path}`), { code: "ERR_PACKAGE_PATH_NOT_EXPORTED" });
    }
  });

  test("does not tell applications of what mock.ts needs", () => {
    assert.ok(!readFileSync(join(MODULE_DIR, "dist", "index.d.ts"), "utf8").includes("openFrom"));
  });
});
