// Reads are counted at the server.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { type Stale, Secrets } from "../../module/dist/index.js";
import {
  INTERVAL,
  Kept,
  POSTGRES,
  SMTP,
  STRIPE,
  TLS,
  clock,
  count,
  deny,
  environment,
  fresh,
  put,
  remove,
  reset,
  same,
  slow,
  start,
  stop,
  until,
  valueOf,
} from "./control.js";

beforeEach(reset);

describe("cache", () => {
  test("holds what the server holds", async () => {
    const secrets = await Secrets.open();
    const { username, password, port } = await secrets.postgresSuite();
    const { class_, userName, x2fa, url } = await secrets.smtpSuite();
    const read: [string, boolean][] = [
      ["username", same(username, await valueOf(POSTGRES, "username"))],
      ["password", same(password, await valueOf(POSTGRES, "password"))],
      ["port", same(port, await valueOf(POSTGRES, "port"))],
      ["class", same(class_, await valueOf(SMTP, "class"))],
      ["user-name", same(userName, await valueOf(SMTP, "user-name"))],
      ["2fa", same(x2fa, await valueOf(SMTP, "2fa"))],
      ["url", same(url, await valueOf(SMTP, "url"))],
      ["stripe", same(await secrets.stripeSuite(), await valueOf(STRIPE))],
      ["tls", same(await secrets.tlsSuite(), await valueOf(TLS))],
    ];
    assert.deepEqual(
      read.filter(([, right]) => !right).map(([name]) => name),
      [],
    );
  });

  test("asks once at the start and then nobody until the interval is over", async (t) => {
    const advance = clock(t);
    const secrets = await Secrets.open();
    const before = await count(STRIPE);
    for (let i = 0; i < 100; i += 1) await secrets.stripeSuite();
    advance(INTERVAL - 60_000);
    await secrets.stripeSuite();
    assert.equal((await count(STRIPE)) - before, 0);

    const value = fresh();
    await put(STRIPE, value);
    advance(60_000);
    assert.ok(same(await secrets.stripeSuite(), value), "the new value is not read");
    await secrets.stripeSuite();
    assert.equal((await count(STRIPE)) - before, 1);
  });

  test("takes the interval from the environment", async (t) => {
    environment(t, { SECRETS_REFRESH_SECONDS: "1" });
    const advance = clock(t);
    const secrets = await Secrets.open();
    const before = await count(STRIPE);
    advance(1_000);
    await secrets.stripeSuite();
    assert.equal((await count(STRIPE)) - before, 1);
  });

  test("asks once for fifty that read at the same moment", async (t) => {
    const advance = clock(t);
    const secrets = await Secrets.open();
    const before = await count(STRIPE);
    advance(INTERVAL);
    await Promise.all(Array.from({ length: 50 }, () => secrets.stripeSuite()));
    assert.equal((await count(STRIPE)) - before, 1);
  });
});

describe("refresh", () => {
  test("reads all at once, whatever the age", async () => {
    const secrets = await Secrets.open();
    const value = fresh();
    await put(STRIPE, value);
    const before = await Promise.all([POSTGRES, SMTP, STRIPE, TLS].map(count));
    await secrets.refresh();
    const after = await Promise.all([POSTGRES, SMTP, STRIPE, TLS].map(count));
    assert.deepEqual(
      after.map((calls, i) => calls - (before[i] ?? 0)),
      [1, 1, 1, 1],
    );
    assert.ok(same(await secrets.stripeSuite(), value), "the new value is not read");
  });

  test("is one for all who call it while it lasts, and another after that", async () => {
    const secrets = await Secrets.open();
    const before = await count(STRIPE);
    await slow(200);
    const first = secrets.refresh();
    await until(async () => (await count(STRIPE)) > before);
    await Promise.all([first, ...Array.from({ length: 20 }, () => secrets.refresh())]);
    assert.equal((await count(STRIPE)) - before, 1);
    await slow(0);
    await secrets.refresh();
    assert.equal((await count(STRIPE)) - before, 2);
  });

  test("does not take the answer to a question from before", async (t) => {
    const advance = clock(t);
    const secrets = await Secrets.open();
    const before = await count(STRIPE);
    await slow(200);
    advance(INTERVAL);
    const reading = secrets.stripeSuite();
    await until(async () => (await count(STRIPE)) > before);
    const value = fresh();
    await put(STRIPE, value);
    await secrets.refresh();
    assert.ok(same(await secrets.stripeSuite(), value), "the value from before stays");
    assert.equal((await count(STRIPE)) - before, 2);
    await reading;
  });
});

describe("outage", () => {
  test("keeps the values, says so once, and sees the new value when it is over", async (t) => {
    const advance = clock(t);
    const log = new Kept();
    const secrets = await Secrets.open({ log });
    const value = await valueOf(STRIPE);
    await stop();
    advance(INTERVAL);
    const begun = Date.now();
    assert.ok(same(await secrets.stripeSuite(), value), "the value is not kept");
    advance(60_000);
    assert.ok(same(await secrets.stripeSuite(), value), "the value is not kept for long");

    const [stale] = secrets.stale();
    assert.deepEqual(
      secrets.stale().map(({ name }) => name),
      [STRIPE],
    );
    assert.ok(stale !== undefined && stale.since.getTime() >= begun && stale.since.getTime() <= Date.now());
    assert.match(stale.reason, /ECONNREFUSED/);
    assert.deepEqual(log.warnings, [
      `${STRIPE}: can't be renewed since ${instant(stale)}, going on with the value in memory: ${stale.reason}`,
    ]);
    assert.deepEqual(log.infos, []);

    await start();
    const renewed = fresh();
    await put(STRIPE, renewed);
    advance(60_000);
    assert.ok(same(await secrets.stripeSuite(), renewed), "the new value is not read");
    await secrets.stripeSuite();
    assert.deepEqual(secrets.stale(), []);
    assert.equal(log.warnings.length, 1);
    assert.deepEqual(log.infos, [`${STRIPE}: renewed again, after it could not be since ${instant(stale)}`]);
  });

  test("is asked about at growing intervals, at most the refresh interval", async (t) => {
    const advance = clock(t);
    const secrets = await Secrets.open({ log: new Kept() });
    await deny(STRIPE);
    advance(INTERVAL);
    await secrets.stripeSuite();
    for (const pause of [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]) {
      const before = await count(STRIPE);
      advance(pause * 1_000 - 900);
      await secrets.stripeSuite();
      assert.equal((await count(STRIPE)) - before, 0, `before ${String(pause)} s`);
      advance(900);
      await Promise.all([secrets.stripeSuite(), secrets.stripeSuite()]);
      assert.equal((await count(STRIPE)) - before, 1, `after ${String(pause)} s`);
    }
  });

  test("keeps one reader waiting, and nobody else", async (t) => {
    const advance = clock(t);
    const secrets = await Secrets.open({ log: new Kept() });
    const value = await valueOf(STRIPE);
    await deny(STRIPE);
    advance(INTERVAL);
    await secrets.stripeSuite();
    await slow(1_000);
    advance(INTERVAL);
    const before = await count(STRIPE);
    let isOver = false;
    const trying = secrets.stripeSuite().finally(() => (isOver = true));
    await until(async () => (await count(STRIPE)) > before);
    assert.ok(same(await secrets.stripeSuite(), value), "the value is not kept");
    assert.ok(!isOver, "it waited for the one that tries");
    await trying;
  });

  test("goes to the console where no log is given", async (t) => {
    const warn = t.mock.method(console, "warn", () => undefined);
    const info = t.mock.method(console, "info", () => undefined);
    const secrets = await Secrets.open();
    const value = await valueOf(STRIPE);
    await remove(STRIPE);
    await secrets.refresh();
    await secrets.refresh();
    await put(STRIPE, value);
    await secrets.refresh();
    assert.equal(warn.mock.callCount(), 1);
    assert.equal(info.mock.callCount(), 1);
  });

  test("does not make refresh fail", async () => {
    const secrets = await Secrets.open({ log: new Kept() });
    await stop();
    await secrets.refresh();
    assert.equal(secrets.stale().length, 4);
  });
});

describe("a value stays when the new one can't be used", () => {
  const reasons: [string, () => Promise<void>, RegExp][] = [
    [
      "deleted",
      () => remove(POSTGRES),
      /^ResourceNotFoundException: Secrets Manager can't find the specified secret\.$/,
    ],
    ["denied", () => deny(POSTGRES), /^AccessDeniedException: /],
    [
      "without a property",
      () => put(POSTGRES, JSON.stringify({ username: fresh(), port: fresh() })),
      /^it has no property `password`$/,
    ],
    ["no JSON", () => put(POSTGRES, fresh()), /^it is no JSON object$/],
    ["no text", () => put(POSTGRES, Buffer.from(`${fresh()}\xff`, "latin1")), /^it is no UTF-8 text$/],
  ];
  for (const [what, change, reason] of reasons) {
    test(what, async (t) => {
      const advance = clock(t);
      const log = new Kept();
      const secrets = await Secrets.open({ log });
      const password = await valueOf(POSTGRES, "password");
      await change();
      advance(INTERVAL);
      assert.ok(same((await secrets.postgresSuite()).password, password), "the value is not kept");
      assert.match(secrets.stale()[0]?.reason ?? "", reason);
      assert.equal(log.warnings.length, 1);
    });
  }
});

function instant({ since }: Stale): string {
  return `${since.toISOString().slice(0, "2026-11-25T22:00:00".length)}Z`;
}
