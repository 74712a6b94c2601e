// What the tests share: the test server's control, an environment of their own, a clock that they move, and a way to
// compare values that shows none of them when it fails.

import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";

import { type Log, OpenError, type SecretBytes, type SecretText, Secrets } from "../../module/dist/index.js";

export const POSTGRES = "platform-data/postgres/suite";
export const SMTP = "platform-data/smtp/suite";
export const STRIPE = "platform-data/stripe/suite";
export const TLS = "platform-data/tls/suite";

/** The refresh interval unless a variable says another one, in milliseconds. */
export const INTERVAL = 300_000;

function variable(name: string): string {
  const value = process.env[name];
  assert.ok(value, `${name} is not set: this suite is run by a test of migrate`);
  return value;
}

/** The emitted package. */
export const MODULE_DIR = variable("MODULE_DIR");

/** Every value that a test makes up contains it: all that is printed is searched for it. */
export const CANARY = variable("MIGRATE_TEST_CANARY");

let made = 0;

/** A value that no other test has. */
export function fresh(): string {
  made += 1;
  return `${CANARY}-${String(process.pid)}-${String(made)}`;
}

async function control(
  method: "GET" | "POST",
  path: string,
  query: Record<string, string>,
  body?: string | Uint8Array,
) {
  const url = new URL(path, variable("CONTROL_URL"));
  url.search = new URLSearchParams(query).toString();
  const answer = await fetch(url, { method, ...(body === undefined ? {} : { body }) });
  assert.ok(answer.ok, `${path} of the control answered ${String(answer.status)}`);
  return new Uint8Array(await answer.arrayBuffer());
}

/** How many requests for this secret have reached the server. */
export async function count(name: string): Promise<number> {
  return Number(Buffer.from(await control("GET", "/count", { name })).toString());
}

/** What the server holds now. */
export async function valueOf(name: string, property?: string): Promise<Uint8Array> {
  return await control("GET", "/value", property === undefined ? { name } : { name, property });
}

export async function put(name: string, value: string | Uint8Array): Promise<void> {
  const isText = typeof value === "string";
  // Where moto is the server, what was a text does not become bytes, nor the other way round.
  if (isText === (name === TLS)) await remove(name);
  await control("POST", isText ? "/put" : "/put-binary", { name }, value);
}

export async function remove(name: string): Promise<void> {
  await control("POST", "/delete", { name });
}

export async function deny(name: string): Promise<void> {
  await control("POST", "/deny", { name });
}

export async function slow(milliseconds: number): Promise<void> {
  await control("POST", "/slow", { milliseconds: String(milliseconds) });
}

export async function stop(): Promise<void> {
  await control("POST", "/stop", {});
}

export async function start(): Promise<void> {
  await control("POST", "/start", {});
}

/** The four secrets with new values, and a server that works. */
export async function reset(): Promise<void> {
  await control("POST", "/reset", {});
}

/** Whether both are the same bytes. `assert.equal` would print them. */
export function same(value: SecretText | SecretBytes, expected: string | Uint8Array): boolean {
  return Buffer.from(value.expose()).equals(Buffer.from(expected));
}

/** Sets variables for one test. `undefined` takes one away. */
export function environment(t: TestContext, variables: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(variables)) {
    const before = process.env[name];
    set(name, value);
    t.after(() => {
      set(name, before);
    });
  }
}

function set(name: string, value: string | undefined): void {
  if (value === undefined) {
    Reflect.deleteProperty(process.env, name);
  } else {
    process.env[name] = value;
  }
}

/** Moves the clock that the package measures ages with. */
export function clock(t: TestContext): (milliseconds: number) => void {
  const real = performance.now.bind(performance);
  let moved = 0;
  t.mock.method(performance, "now", () => real() + moved);
  return (milliseconds) => {
    moved += milliseconds;
  };
}

/** Waits for a condition, at most ten seconds. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await condition())) assert.ok(Date.now() < deadline, "what is waited for does not happen");
}

/** A log that keeps what it is told. */
export class Kept implements Log {
  readonly infos: string[] = [];
  readonly warnings: string[] = [];

  info(message: string): void {
    this.infos.push(message);
  }

  warn(message: string): void {
    this.warnings.push(message);
  }
}

/** The error that a start fails with. */
export async function refusal(opening: Promise<Secrets>): Promise<OpenError> {
  const error: unknown = await opening.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof OpenError, "the start did not fail with an OpenError");
  return error;
}

/** A folder that may hold values: it is never searched for them. */
export async function valuesFolder(): Promise<string> {
  return await mkdtemp(join(variable("VALUES_DIR"), "typescript-"));
}
