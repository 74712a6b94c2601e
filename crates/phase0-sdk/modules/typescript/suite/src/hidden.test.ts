// No way of printing shows a value.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { Console } from "node:console";
import { Writable } from "node:stream";
import { before, beforeEach, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { format, inspect } from "node:util";
import { serialize } from "node:v8";

import { OpenError, SecretBytes, SecretText, Secrets } from "../../module/dist/index.js";
import { CANARY, Kept, POSTGRES, fresh, put, refusal, reset } from "./control.js";

let text: SecretText;
let bytes: SecretBytes;
let record: object;
let secrets: Secrets;

beforeEach(reset);

before(async () => {
  secrets = await Secrets.open();
  text = await secrets.stripeSuite();
  bytes = await secrets.tlsSuite();
  record = await secrets.postgresSuite();
});

/** The value as text, and in the ways that bytes are shown. */
function shows(printed: string): boolean {
  const canary = Buffer.from(CANARY);
  const forms = [
    CANARY,
    canary.toString("hex"),
    canary.toString("base64").slice(0, -4),
    canary.join(","),
    canary.join(", "),
  ];
  return forms.some((form) => printed.includes(form)) || printed.includes(inspect(canary).slice("<Buffer ".length, -1));
}

/** What a console prints of it. */
function printed(print: (console: Console) => void): string {
  let all = "";
  const stdout = new Writable({
    write(chunk: Buffer, _encoding, done) {
      all += chunk.toString();
      done();
    },
  });
  print(new Console({ stdout, stderr: stdout }));
  return all;
}

/** Lint knows that a value is no text. People forget to run it. */
function interpolated(value: unknown): string {
  return `a ${value as string}`.slice("a ".length);
}

describe("a value", () => {
  test("is shown as a word of its own", () => {
    for (const value of [text, bytes]) {
      const ways = [
        interpolated(value),
        String(value),
        ["", value].join(""),
        format("%s", value),
        format("%o", value),
        format("%O", value),
        format(value),
        inspect(value),
        inspect(value, { showHidden: true, depth: null, getters: true }),
        printed((console) => {
          console.log(value);
        }).trim(),
      ];
      assert.deepEqual([...new Set(ways)], ["[secret]"]);
      assert.equal(JSON.stringify(value), '"[secret]"');
      assert.equal(format("%j", value), '"[secret]"');
    }
  });

  test("is hidden in what it lies in", () => {
    assert.equal(inspect(record), "{ username: [secret], password: [secret], port: [secret] }");
    assert.equal(JSON.stringify(record), '{"username":"[secret]","password":"[secret]","port":"[secret]"}');
    assert.equal(
      inspect([new Map([["a", text]]), { b: new Set([bytes]) }]),
      "[ Map(1) { 'a' => [secret] }, { b: Set(1) { [secret] } } ]",
    );
  });

  test("is shown by nothing else", () => {
    const deep = { depth: null, showHidden: true, customInspect: false, getters: true, showProxy: true } as const;
    for (const value of [
      text,
      bytes,
      record,
      secrets,
      [text],
      { text },
      new Map([[text, bytes]]),
      new Proxy(record, {}),
    ]) {
      const ways: (string | Buffer)[] = [
        inspect(value, deep),
        format("%o", value),
        format("%d %i %f %c", value, value, value, value),
        JSON.stringify(value, null, 2),
        JSON.stringify(Object.getOwnPropertyDescriptors(value)),
        JSON.stringify(Object.entries(value)),
        Reflect.ownKeys(value).map(String).join(),
        serialize({ ...value }),
        inspect(structuredClone({ ...value }), deep),
        inspect(new Error("failed", { cause: value }), deep),
        inspect(Object.assign(new Error(interpolated(value)), { value }), deep),
        printed((console) => {
          console.table(value);
          console.table([value]);
          console.dir(value, deep);
          console.error(value);
          console.trace(value);
        }),
      ];
      ways.forEach((way, i) => {
        assert.ok(!shows(way.toString()) && !shows(way.toString("latin1")), `way ${String(i)} shows a value`);
      });
    }
  });

  test("is not in an assertion that fails", () => {
    for (const [actual, expected] of [
      [text, "other"],
      [record, {}],
      [bytes, new Uint8Array()],
    ]) {
      let message = "";
      try {
        assert.deepStrictEqual(actual, expected);
      } catch (error) {
        message = inspect(error, { depth: null, showHidden: true });
      }
      assert.notEqual(message, "");
      assert.ok(!shows(message), "an assertion shows a value");
    }
  });

  test("can't be changed", () => {
    assert.ok(Object.isFrozen(record));
    assert.throws(() => Object.assign(record, { username: "x" }), TypeError);
  });

  test("is compared by what it holds", () => {
    const value = fresh();
    const [one, other] = [new SecretText(value), new SecretText(value)];
    assert.ok(one.equals(other) && one.equals(value));
    assert.ok(!one.equals(`${value}x`) && !one.equals(`x${value.slice(1)}`) && !one.equals(""));
    const raw = Buffer.from(value);
    assert.ok(new SecretBytes(raw).equals(new SecretBytes(raw)) && new SecretBytes(raw).equals(raw));
    assert.ok(!new SecretBytes(raw).equals(raw.subarray(1)));
  });
});

describe("a failure", () => {
  test("quotes nothing of what it was about", async () => {
    const value = fresh();
    for (const bad of [
      value,
      `{"username": ${value}`,
      `{"username": "${value}", "password": "${value}", "port": ["${value}"]}`,
    ]) {
      await put(POSTGRES, bad);
      const error = await refusal(Secrets.open());
      assert.ok(error instanceof OpenError);
      assert.ok(!shows(inspect(error, { depth: null, showHidden: true })), "an error shows a value");

      const log = new Kept();
      await reset();
      const opened = await Secrets.open({ log });
      await put(POSTGRES, bad);
      await opened.refresh();
      assert.equal(log.warnings.length, 1);
      assert.ok(!shows(log.warnings.join() + inspect(opened.stale(), { depth: null })), "a warning shows a value");
    }
  });
});

describe("a process", () => {
  test("prints nothing at the highest level of logging, and ends by itself", () => {
    const child = spawnSync(process.execPath, [fileURLToPath(new URL("process.js", import.meta.url))], {
      env: { ...process.env, NODE_DEBUG: "http,https,net,tls,timer", DEBUG: "*" },
      encoding: "utf8",
      timeout: 30_000,
    });
    assert.equal(child.status, 0);
    assert.match(child.stdout, /^\[secret\] \{ username: \[secret\], password: \[secret\], port: \[secret\] \}$/m);
    assert.match(child.stderr, /HTTP [0-9]+: /);
    assert.ok(!shows(child.stdout + child.stderr), "a log shows a value");
  });
});
