// What every package of typed secrets does: read, keep in memory, renew. The same for every application; what differs
// stands in index.ts.
//
//   Secrets Manager ─┐
//   mounted files ───┼─► Source ──► Store, one Cell for each secret ──► Secrets in index.ts
//   mock.ts ─────────┘

import { timingSafeEqual } from "node:crypto";
import { readFile, readlink } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { inspect } from "node:util";

import {
  GetSecretValueCommand,
  SecretsManagerClient,
  SecretsManagerServiceException,
} from "@aws-sdk/client-secrets-manager";

/** What is shown in place of a value. */
const HIDDEN = "[secret]";

/** A value that no way of printing shows. Only `expose()` gives it. */
abstract class Hidden<Value extends string | Uint8Array> {
  readonly #value: Value;

  constructor(value: Value) {
    this.#value = value;
  }

  /** The value itself. Whoever calls this answers for where it goes. */
  expose(): Value {
    return this.#value;
  }

  /** Whether both are the same, in a time that does not tell where they differ. */
  equals(other: Hidden<Value> | Value): boolean {
    const mine = Buffer.from(this.#value);
    const others = Buffer.from(other instanceof Hidden ? other.#value : other);
    return mine.length === others.length && timingSafeEqual(mine, others);
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [inspect.custom](): string {
    return HIDDEN;
  }
}

/** A text that does not print. */
export class SecretText extends Hidden<string> {}

/** Bytes that do not print. */
export class SecretBytes extends Hidden<Uint8Array> {
  /** A copy of the bytes: what is done to it changes nobody else's. */
  override expose(): Uint8Array {
    return Uint8Array.from(super.expose());
  }
}

/** A property of a JSON object, and the key that it is mounted under. */
interface Field {
  readonly property: string;
  readonly key: string;
}

/** One secret: its name in Secrets Manager, and its folder and keys where it is mounted. */
export type Secret = { readonly name: string; readonly folder: string } & (
  | { readonly holds: "text"; readonly key: string }
  | { readonly holds: "binary"; readonly key: string }
  | { readonly holds: "properties"; readonly fields: Readonly<Record<string, Field>> }
);

/** The secrets of an application, each under the name of its accessor. */
export type Table = Readonly<Record<string, Secret>>;

/** What reading a secret gives. */
export type Held<S extends Secret> = S extends { readonly fields: infer Fields }
  ? { readonly [Name in keyof Fields]: SecretText }
  : S extends { readonly holds: "binary" }
    ? SecretBytes
    : SecretText;

/** Where secrets are read. What it throws becomes a reason that people read. */
export interface Source {
  /** How the error of a failed start calls it. */
  readonly place: string;
  /** The last line of that error: what to look at. */
  readonly advice: string;
  read(secret: Secret): Promise<Held<Secret>>;
}

/** Makes the source of an application. */
export type Connect = (application: string, log: Log) => Source | Promise<Source>;

/** Where messages go. They name secrets and never hold a value. */
export interface Log {
  info(message: string): void;
  warn(message: string): void;
}

export interface Options {
  /** Where messages go instead of the console. */
  readonly log?: Log;
}

/** A secret that can't be renewed: reads give the value in memory. */
export interface Stale {
  readonly name: string;
  readonly since: Date;
  readonly reason: string;
}

/** Why an application can't start. */
export class OpenError extends Error {
  override readonly name = "OpenError";
  /** The secrets that could not be read. Empty where it did not come to reading. */
  readonly names: readonly string[];

  constructor(application: string, reason: string, names: readonly string[] = []) {
    super(`${application} can't start: ${reason}`);
    this.names = names;
  }
}

/** What was read can't be used. Its message is a reason that holds nothing of the value. */
export class Unusable extends Error {}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A value as text. `what` begins the reason why it is none. */
function textOf(value: string | Uint8Array, what = "it"): string {
  try {
    const text = typeof value === "string" ? value : utf8.decode(value);
    // Half a surrogate pair is a string to JavaScript, and no text.
    if (text.isWellFormed()) return text;
  } catch {
    // The reason is the same.
  }
  throw new Unusable(`${what} is no UTF-8 text`);
}

/** A string or a number of JSON. */
const STRING_OR_NUMBER = /"(?:[^"\\]+|\\.)*"|-?\d[\d.eE+-]*/g;

/** The JSON value in a text. Numbers come as strings, exactly as they are written. */
export function parseJson(text: string): unknown {
  const quoted = (token: string) => (token.startsWith('"') ? token : `"${token}"`);
  try {
    JSON.parse(text);
    return JSON.parse(text.replace(STRING_OR_NUMBER, quoted));
  } catch {
    // What JSON.parse throws quotes the text, so it ends here.
    return undefined;
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A property of what `parseJson` gave. */
function propertyOf(object: Readonly<Record<string, unknown>>, name: string): string {
  if (!Object.hasOwn(object, name)) throw new Unusable(`it has no property \`${name}\``);
  const value = object[name];
  if (typeof value === "boolean") return String(value);
  if (typeof value === "string" && value.isWellFormed()) return value;
  throw new Unusable(`its property \`${name}\` is no text`);
}

/** What the value of a secret in Secrets Manager holds. */
export async function heldIn(value: string | Uint8Array, secret: Secret): Promise<Held<Secret>> {
  if (secret.holds === "binary") return new SecretBytes(typeof value === "string" ? Buffer.from(value) : value);
  const text = textOf(value);
  if (secret.holds === "text") return new SecretText(text);
  const object = parseJson(text);
  if (!isObject(object)) throw new Unusable("it is no JSON object");
  return await fieldsOf(secret.fields, ({ property }) => propertyOf(object, property));
}

async function fieldsOf(
  fields: Readonly<Record<string, Field>>,
  read: (field: Field) => string | Promise<string>,
): Promise<Held<Secret>> {
  const held: Record<string, SecretText> = {};
  for (const [name, field] of Object.entries(fields)) {
    held[name] = new SecretText(await read(field));
  }
  return Object.freeze(held);
}

function secretsManager(): Source {
  const client = new SecretsManagerClient({
    maxAttempts: 3,
    requestHandler: {
      connectionTimeout: 3_000,
      // The one waits for the answer to begin, the other for each further piece of it.
      requestTimeout: 5_000,
      socketTimeout: 5_000,
      throwOnRequestTimeout: true,
    },
  });
  return {
    place: "Secrets Manager",
    advice:
      "check names, region and the rights of this process; `aws secretsmanager describe-secret --secret-id NAME` shows what it may see",
    async read(secret) {
      const answer = await client.send(
        new GetSecretValueCommand({ SecretId: secret.name, VersionStage: "AWSCURRENT" }),
      );
      const value = answer.SecretString ?? answer.SecretBinary;
      if (value === undefined) throw new Unusable("it holds no value");
      return await heldIn(value, secret);
    },
  };
}

/** Mounted Kubernetes Secrets: a folder for each, with a file for each key. */
function files(dir: string): Source {
  /** The folder whose files belong together: Kubernetes lets `..data` lead to a new one when the Secret changes. */
  async function current(folder: string): Promise<string> {
    return await readlink(join(folder, "..data")).then(
      (target) => resolve(folder, target),
      () => folder,
    );
  }

  async function bytes(secret: Secret, folder: string, key: string): Promise<Uint8Array> {
    try {
      return await readFile(join(folder, key));
    } catch (error) {
      const path = join(dir, secret.folder, key);
      const code = codeOf(error);
      const missing = code === "ENOENT" || code === "ENOTDIR";
      throw new Unusable(missing ? `there is no file ${path}` : `${path} can't be read: ${code}`);
    }
  }

  async function readIn(folder: string, secret: Secret): Promise<Held<Secret>> {
    if (secret.holds !== "properties") return await heldIn(await bytes(secret, folder, secret.key), secret);
    return await fieldsOf(secret.fields, async ({ property, key }) =>
      textOf(await bytes(secret, folder, key), `its property \`${property}\``),
    );
  }

  return {
    place: dir,
    advice: "check that the Kubernetes Secrets are mounted there",
    async read(secret) {
      const folder = join(dir, secret.folder);
      const before = await current(folder);
      try {
        return await readIn(before, secret);
      } catch (error) {
        // When the link leads elsewhere, Kubernetes removes what it led to, file by file.
        const after = await current(folder);
        if (after === before) throw error;
        return await readIn(after, secret);
      }
    },
  };
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown";
}

/** What people may read of a failure. */
function reasonOf(error: unknown): string {
  if (error instanceof Unusable) return error.message;
  if (!(error instanceof Error)) return "unknown";
  const { $response } = error as { readonly $response?: { readonly statusCode: number } };
  if ($response !== undefined && !(error instanceof SecretsManagerServiceException)) {
    // What was answered may be the value, and the error may quote it.
    return `its answer with HTTP status ${String($response.statusCode)} can't be understood`;
  }
  const message = error.message === "" ? codeOf(error) : error.message.replace(/\s+/g, " ");
  return error.name === "Error" || error.name === "AggregateError" ? message : `${error.name}: ${message}`;
}

/** One secret in memory, and when to ask for it again. */
class Cell {
  stale: Stale | undefined;
  /** On the clock of `performance`, which nobody sets. */
  private due: number;
  /** How long to wait after a failure. Grows while there are failures. */
  private pause = 0;
  private asking: Promise<void> | undefined;

  constructor(
    private readonly secret: Secret,
    private readonly source: Source,
    private readonly settings: Settings,
    private value: Held<Secret>,
  ) {
    this.due = performance.now() + settings.refresh;
  }

  /** Gives the value, renewed where it is due. While it can't be renewed one reader tries, and the others don't wait. */
  async read(): Promise<Held<Secret>> {
    const othersTry = this.stale !== undefined && this.asking !== undefined;
    if (performance.now() >= this.due && !othersTry) await this.ask();
    return this.value;
  }

  /** Asks now. What is being asked may be answered with the value from before, so it does not count. */
  async renew(): Promise<void> {
    await this.asking;
    await this.ask();
  }

  /** Asks once, however many wait for it. */
  private async ask(): Promise<void> {
    this.asking ??= this.askOnce().finally(() => (this.asking = undefined));
    await this.asking;
  }

  private async askOnce(): Promise<void> {
    const { name } = this.secret;
    const { refresh, log } = this.settings;
    const before = this.stale;
    try {
      this.value = await this.source.read(this.secret);
    } catch (error) {
      const { since } = before ?? { since: new Date() };
      const reason = reasonOf(error);
      this.stale = { name, since, reason };
      this.pause = Math.min(this.pause * 2 || FIRST_PAUSE, refresh);
      this.due = performance.now() + this.pause;
      if (before === undefined) {
        log.warn(`${name}: can't be renewed since ${instant(since)}, going on with the value in memory: ${reason}`);
      }
      return;
    }
    this.stale = undefined;
    this.pause = 0;
    this.due = performance.now() + refresh;
    if (before !== undefined) {
      log.info(`${name}: renewed again, after it could not be since ${instant(before.since)}`);
    }
  }
}

/** In milliseconds. Long enough for a store that restarts, short enough to see what it holds soon after. */
const FIRST_PAUSE = 1_000;

function instant(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, "Z");
}

interface Settings {
  readonly connect: Connect;
  /** In milliseconds. */
  readonly refresh: number;
  readonly log: Log;
}

/** What the environment says. A variable's content is never shown: it may be a secret that went astray. */
function settingsOf(application: string, options: Options): Settings {
  const {
    SECRETS_SOURCE = "secrets-manager",
    SECRETS_DIR = "/etc/secrets",
    SECRETS_REFRESH_SECONDS = "300",
  } = process.env;
  if (SECRETS_SOURCE !== "secrets-manager" && SECRETS_SOURCE !== "files") {
    throw new OpenError(application, "SECRETS_SOURCE must be secrets-manager or files");
  }
  if (!isAbsolute(SECRETS_DIR)) {
    throw new OpenError(application, "SECRETS_DIR must be an absolute path");
  }
  const seconds = /^\d+$/.test(SECRETS_REFRESH_SECONDS) ? Number(SECRETS_REFRESH_SECONDS) : 0;
  if (seconds < 1 || seconds > 86_400) {
    throw new OpenError(application, "SECRETS_REFRESH_SECONDS must be a whole number from 1 to 86400");
  }
  return {
    connect: SECRETS_SOURCE === "files" ? () => files(SECRETS_DIR) : secretsManager,
    refresh: seconds * 1_000,
    log: options.log ?? console,
  };
}

/** All secrets of one application. */
export class Store<T extends Table> {
  readonly #cells: ReadonlyMap<string, Cell>;
  #refreshing: Promise<unknown> | undefined;

  private constructor(cells: ReadonlyMap<string, Cell>) {
    this.#cells = cells;
  }

  /** Reads all secrets. Fails with everything that is wrong at once. */
  static async open<T extends Table>(app: string, table: T, options: Options, connect?: Connect): Promise<Store<T>> {
    const settings = settingsOf(app, options);
    const source = await (connect ?? settings.connect)(app, settings.log);
    const cells = new Map<string, Cell>();
    const reasons = new Map<string, string>();
    const read = async ([accessor, secret]: [string, Secret]) => {
      try {
        cells.set(accessor, new Cell(secret, source, settings, await source.read(secret)));
      } catch (error) {
        reasons.set(secret.name, reasonOf(error));
      }
    };
    const secrets = Object.entries(table);
    await Promise.all(secrets.map(read));
    if (reasons.size > 0) {
      // In the order of the table, not in that of the answers.
      const bad = secrets.map(([, { name }]) => name).filter((name) => reasons.has(name));
      const lines = [
        `${String(bad.length)} of ${String(secrets.length)} secrets could not be read from ${source.place}`,
        ...bad.map((name) => `  ${name}: ${reasons.get(name) ?? ""}`),
        source.advice,
      ];
      throw new OpenError(app, lines.join("\n"), bad);
    }
    return new Store<T>(cells);
  }

  async read<A extends keyof T & string>(accessor: A): Promise<Held<T[A]>> {
    const value = await this.#cells.get(accessor)?.read();
    // `open` has read what the table says for each accessor.
    return value as Held<T[A]>;
  }

  async refresh(): Promise<void> {
    const renewals = () => Array.from(this.#cells.values(), (cell) => cell.renew());
    this.#refreshing ??= Promise.all(renewals()).finally(() => (this.#refreshing = undefined));
    await this.#refreshing;
  }

  stale(): readonly Stale[] {
    return Array.from(this.#cells.values()).flatMap((cell) => cell.stale ?? []);
  }
}
