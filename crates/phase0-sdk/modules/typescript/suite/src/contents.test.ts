// What a secret may hold, and what of it is read.

import assert from "node:assert/strict";
import { before, beforeEach, describe, test } from "node:test";

import { Secrets } from "../../module/dist/index.js";
import { Kept, POSTGRES, STRIPE, TLS, fresh, put, reset, same, valueOf } from "./control.js";

let secrets: Secrets;

before(async () => {
  await reset();
  secrets = await Secrets.open({ log: new Kept() });
});

beforeEach(async () => {
  await reset();
  await secrets.refresh();
  assert.deepEqual(secrets.stale(), []);
});

/** Why a secret can't be renewed after this is put. */
async function reasonFor(name: string, value: string | Uint8Array): Promise<string | undefined> {
  await put(name, value);
  await secrets.refresh();
  return secrets.stale().find((stale) => stale.name === name)?.reason;
}

function object(port: string): string {
  return `{"username": "${fresh()}", "password": "${fresh()}", "port": ${port}}`;
}

describe("properties", () => {
  const texts: [string, string][] = [
    ["5432", "5432"],
    ["1.10", "1.10"],
    ["-0.0", "-0.0"],
    ["1E+2", "1E+2"],
    ["1e400", "1e400"],
    ["12345678901234567890", "12345678901234567890"],
    ["true", "true"],
    ["false", "false"],
    ['""', ""],
    ['" 1.10 "', " 1.10 "],
    ['"a \\"1.10\\" \\\\"', 'a "1.10" \\'],
    ['"\\u00e9\\ud83d\\ude00\\u0000\\n"', "é😀\0\n"],
    ['"\\ufeffé😀\u2028"', "\ufeffé😀\u2028"],
    ['"first", "port" : "last"', "last"],
    ['null, "port": 1.10', "1.10"],
    ['"x", "__proto__": {"port": "y"}, "nested": [{"port": 2}, "port", -1]', "x"],
  ];
  for (const [json, expected] of texts) {
    test(`${json} is read as it is written`, async () => {
      assert.equal(await reasonFor(POSTGRES, object(json)), undefined);
      assert.ok(same((await secrets.postgresSuite()).port, expected), "another text is read");
    });
  }

  const refused = ["null", "{}", "[]", '{"port": "1"}', '["1"]', '"\\ud83d"', '"1", "port": null'];
  for (const json of refused) {
    test(`${json} is no text`, async () => {
      assert.equal(await reasonFor(POSTGRES, object(json)), "its property `port` is no text");
    });
  }

  test("what an object has by itself is no property", async () => {
    const json = `{"username": "${fresh()}", "password": "${fresh()}", "__proto__": {"port": "1"}}`;
    assert.equal(await reasonFor(POSTGRES, json), "it has no property `port`");
  });

  test("need an object of JSON", async () => {
    const whole = object("1");
    const none = ["[]", "1.10", "null", `"${fresh()}"`, fresh(), `${whole}x`, `\ufeff${whole}`, object("01")];
    for (const text of [...none, "[".repeat(60_000), `{'port': '${fresh()}'}`]) {
      assert.equal(await reasonFor(POSTGRES, text), "it is no JSON object");
    }
  });

  test("are read from bytes too, if they are text", async () => {
    assert.equal(await reasonFor(POSTGRES, Buffer.from(object('"é"'))), undefined);
    assert.ok(same((await secrets.postgresSuite()).port, "é"), "another text is read");
    assert.equal(await reasonFor(POSTGRES, Buffer.from(object('"é"'), "latin1")), "it is no UTF-8 text");
  });

  test("are many, and long", async () => {
    const long = `${fresh()}${'"1.5\\'.repeat(6_000)}`;
    const filler = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`key ${String(i)}`, i]));
    const text = JSON.stringify({ ...filler, username: fresh(), password: long, port: "1" });
    assert.equal(await reasonFor(POSTGRES, text), undefined);
    assert.ok(same((await secrets.postgresSuite()).password, long), "another text is read");
  });
});

describe("text", () => {
  const texts: [string, string][] = [
    ["a line break at the end", `${fresh()}\n`],
    ["blanks around it", `  ${fresh()}\t\r\n`],
    ["a byte order mark", `\ufeff${fresh()}\ufeff`],
    ["NUL", `\0${fresh()}\0`],
    ["what looks like JSON", `{"${fresh()}": 1.10`],
    ["two, three and four bytes", `${fresh()}é€😀\uffff\u{10ffff}`],
    ["65,536 bytes", fresh().padEnd(65_536 / 2, "x") + "é".repeat(65_536 / 4)],
  ];
  for (const [what, text] of texts) {
    test(`${what} stays`, async () => {
      assert.equal(await reasonFor(STRIPE, text), undefined);
      assert.ok(same(await secrets.stripeSuite(), text), "another text is read");
      assert.equal(await reasonFor(STRIPE, Buffer.from(text)), undefined);
      assert.ok(same(await secrets.stripeSuite(), text), "another text is read from bytes");
    });
  }

  test("is UTF-8", async () => {
    // One byte alone, an overlong form, half a surrogate pair, more than Unicode has, an end that is missing.
    for (const bytes of ["ff", "c0af", "eda080", "f4908080", "e282"]) {
      const value = Buffer.concat([Buffer.from(fresh()), Buffer.from(bytes, "hex")]);
      assert.equal(await reasonFor(STRIPE, value), "it is no UTF-8 text");
    }
  });
});

describe("binary", () => {
  test("is any bytes", async () => {
    const all = Buffer.concat([
      Buffer.from([0]),
      Buffer.from(fresh()),
      Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
    ]);
    for (const bytes of [all, Buffer.concat([all, Buffer.alloc(65_536)]).subarray(0, 65_536)]) {
      assert.equal(await reasonFor(TLS, bytes), undefined);
      assert.ok(same(await secrets.tlsSuite(), bytes), "other bytes are read");
    }
  });

  test("is the bytes of a text too", async () => {
    const text = `${fresh()}é\n`;
    assert.equal(await reasonFor(TLS, text), undefined);
    assert.ok(same(await secrets.tlsSuite(), text), "other bytes are read");
  });

  test("is given as a copy", async () => {
    const value = await secrets.tlsSuite();
    value.expose().fill(0);
    assert.ok(same(value, await valueOf(TLS)), "who was given the bytes can change them for all");
  });
});
