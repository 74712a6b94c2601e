// Mounted Kubernetes Secrets.

import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";

import { Secrets } from "../../module/dist/index.js";
import { INTERVAL, Kept, POSTGRES, STRIPE, clock, environment, fresh, refusal, same, valuesFolder } from "./control.js";

type Files = Readonly<Record<string, string | Uint8Array>>;

function write(folder: string, files: Files): void {
  mkdirSync(folder, { recursive: true });
  for (const [key, value] of Object.entries(files)) writeFileSync(join(folder, key), value);
}

/** Puts a version into a folder as Kubernetes does: a folder of its own, and `..data` that leads to it from one moment on. */
function publish(folder: string, version: string, files: Files): void {
  write(join(folder, `..${version}`), files);
  symlinkSync(`..${version}`, join(folder, "..data_tmp"));
  renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
  for (const key of Object.keys(files)) {
    rmSync(join(folder, key), { force: true });
    symlinkSync(join("..data", key), join(folder, key));
  }
}

function postgres(version = fresh()): Files {
  return { username: `username ${version}`, password: `password ${version}`, port: `port ${version}` };
}

/** A folder with all secrets of the application, and the variables that lead there. */
async function mounted(t: TestContext): Promise<string> {
  const dir = await valuesFolder();
  write(join(dir, "postgres-suite"), postgres());
  write(join(dir, "stripe-suite"), { value: `${fresh()}\n` });
  write(join(dir, "tls-suite"), {
    "keystore.p12": Buffer.concat([Buffer.from(`${fresh()}\0`), Buffer.from([0, 255, 254])]),
  });
  write(join(dir, "mail"), { MAIL_CLASS: fresh(), MAIL_USER: fresh(), "2fa": fresh(), url: fresh() });
  environment(t, { SECRETS_SOURCE: "files", SECRETS_DIR: dir, AWS_ENDPOINT_URL: "http://127.0.0.1:9" });
  return dir;
}

describe("mounted files", () => {
  test("are read as they are", async (t) => {
    const dir = await mounted(t);
    const files = postgres();
    const bytes = Buffer.concat([Buffer.from([0, 0xff]), Buffer.from(fresh()), Buffer.alloc(65_536)]);
    const mail = { MAIL_CLASS: ` ${fresh()}`, MAIL_USER: "\ufeff", "2fa": "", url: `${fresh()}\r\n` };
    write(join(dir, "postgres-suite"), files);
    write(join(dir, "stripe-suite"), { value: `{"${fresh()}": 1.10}\n\n` });
    write(join(dir, "tls-suite"), { "keystore.p12": bytes });
    write(join(dir, "mail"), mail);
    const secrets = await Secrets.open();
    const { username, password, port } = await secrets.postgresSuite();
    assert.ok(
      same(username, files.username ?? "") && same(password, files.password ?? "") && same(port, files.port ?? ""),
    );
    const { class_, userName, x2fa, url } = await secrets.smtpSuite();
    assert.ok(same(class_, mail.MAIL_CLASS) && same(userName, mail.MAIL_USER) && same(x2fa, "") && same(url, mail.url));
    assert.ok((await secrets.stripeSuite()).expose().endsWith("1.10}\n\n"));
    assert.ok(same(await secrets.tlsSuite(), bytes));
  });

  test("are read again after the interval, once for all who read then", async (t) => {
    const advance = clock(t);
    const dir = await mounted(t);
    const secrets = await Secrets.open();
    const value = fresh();
    write(join(dir, "stripe-suite"), { value });
    assert.ok(!same(await secrets.stripeSuite(), value), "a value is read before the interval is over");
    advance(INTERVAL);
    const read = await Promise.all(Array.from({ length: 50 }, () => secrets.stripeSuite()));
    assert.ok(read.every((text) => same(text, value)));
    assert.equal(new Set(read).size, 1);
  });

  test("are seen at once by refresh", async (t) => {
    const dir = await mounted(t);
    publish(join(dir, "stripe-suite"), "1", { value: fresh() });
    const secrets = await Secrets.open();
    const value = fresh();
    publish(join(dir, "stripe-suite"), "2", { value });
    await secrets.refresh();
    assert.ok(same(await secrets.stripeSuite(), value));
  });

  test("stay in memory when they vanish", async (t) => {
    const dir = await mounted(t);
    const log = new Kept();
    const secrets = await Secrets.open({ log });
    const before = await secrets.postgresSuite();
    rmSync(join(dir, "postgres-suite", "password"));
    await secrets.refresh();
    assert.equal(await secrets.postgresSuite(), before);
    assert.equal(secrets.stale()[0]?.reason, `there is no file ${dir}/postgres-suite/password`);
    assert.equal(log.warnings.length, 1);
  });

  test("of one secret are never of two versions, and a change in the middle is no failure", async (t) => {
    const dir = await mounted(t);
    const folder = join(dir, "postgres-suite");
    rmSync(folder, { recursive: true });
    publish(folder, "0", postgres("0"));
    const log = new Kept();
    const secrets = await Secrets.open({ log });
    const parts: boolean[] = [];
    for (let version = 1; version <= 300; version += 1) {
      const refreshing = secrets.refresh();
      // At another point of the reading each time.
      for (let i = 0; i < version % 12; i += 1) await new Promise(setImmediate);
      publish(folder, String(version), postgres(`${fresh()} ${String(version)}`));
      for (const key of ["password", "username", "port"]) rmSync(join(folder, `..${String(version - 1)}`, key));
      rmSync(join(folder, `..${String(version - 1)}`), { recursive: true });
      await refreshing;
      const { username, password, port } = await secrets.postgresSuite();
      const versions = [username, password, port].map((text) => text.expose().split(" ").slice(1).join(" "));
      parts.push(new Set(versions).size === 1);
    }
    assert.ok(
      parts.every((one) => one),
      "a read mixes two versions",
    );
    assert.deepEqual(log.warnings, []);
  });
});

describe("a start from mounted files", () => {
  test("names each file that is not there", async (t) => {
    const dir = await mounted(t);
    rmSync(join(dir, "postgres-suite", "password"));
    rmSync(join(dir, "stripe-suite"), { recursive: true });
    const error = await refusal(Secrets.open());
    assert.equal(
      error.message,
      `suite can't start: 2 of 4 secrets could not be read from ${dir}
  platform-data/postgres/suite: there is no file ${dir}/postgres-suite/password
  platform-data/stripe/suite: there is no file ${dir}/stripe-suite/value
check that the Kubernetes Secrets are mounted there`,
    );
    assert.deepEqual(error.names, [POSTGRES, STRIPE]);
  });

  test("names the file of a link's folder by the path that people know", async (t) => {
    const dir = await mounted(t);
    rmSync(join(dir, "stripe-suite"), { recursive: true });
    publish(join(dir, "stripe-suite"), "1", { other: fresh() });
    const error = await refusal(Secrets.open());
    assert.ok(error.message.includes(`platform-data/stripe/suite: there is no file ${dir}/stripe-suite/value\n`));
  });

  test("says what else is wrong with a file", async (t) => {
    const dir = await mounted(t);
    rmSync(join(dir, "stripe-suite", "value"));
    mkdirSync(join(dir, "stripe-suite", "value"));
    write(join(dir, "postgres-suite"), { port: Buffer.from([0xff]) });
    const error = await refusal(Secrets.open());
    assert.ok(error.message.includes(`${STRIPE}: ${dir}/stripe-suite/value can't be read: EISDIR\n`));
    assert.ok(error.message.includes(`${POSTGRES}: its property \`port\` is no UTF-8 text\n`));
    write(join(dir, "postgres-suite"), postgres());
    rmSync(join(dir, "stripe-suite", "value"), { recursive: true });
    write(join(dir, "stripe-suite"), { value: Buffer.from([0xc0, 0xaf]) });
    assert.ok((await refusal(Secrets.open())).message.includes(`${STRIPE}: it is no UTF-8 text\n`));
  });

  test("is from /etc/secrets where nothing else is said", async (t) => {
    environment(t, { SECRETS_SOURCE: "files", SECRETS_DIR: undefined });
    const error = await refusal(Secrets.open());
    assert.ok(error.message.includes("could not be read from /etc/secrets\n"));
    assert.ok(error.message.includes(`${POSTGRES}: there is no file /etc/secrets/postgres-suite/username\n`));
  });
});
