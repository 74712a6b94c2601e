// Made-up values, for a developer's machine. The same for every application. Nothing leads here but an import of this
// file, and it refuses to work on a platform.

import { readFile } from "node:fs/promises";

import { Secrets } from "./index.js";
import { type Options, type Secret, type Source, OpenError, Unusable, heldIn, isObject, parseJson } from "./runtime.js";

/** Variables that only a platform sets: Kubernetes, Amazon ECS, AWS Lambda and whatever else runs on AWS. */
const PLATFORM = [
  "KUBERNETES_SERVICE_HOST",
  "ECS_CONTAINER_METADATA_URI",
  "ECS_CONTAINER_METADATA_URI_V4",
  "AWS_LAMBDA_FUNCTION_NAME",
  "AWS_EXECUTION_ENV",
];

/** `Buffer.from` would leave out what is none. */
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * Opens the application's secrets with values from a JSON file, `{"platform-data/postgres/orders": {"username": "me"}}`,
 * a text for a text and base64 for bytes, and made-up ones for whatever the file does not say.
 *
 * Fails where it sees that this is no developer's machine, unless the variable CI is set.
 */
export async function openMock(path?: string, options: Options = {}): Promise<Secrets> {
  return await Secrets.openFrom((application, log) => {
    const seen = platform();
    if (seen !== undefined) {
      throw new OpenError(
        application,
        `made-up values are for a developer's machine, and this is none: ${seen} is set`,
      );
    }
    log.warn(`${application}: values are made up${path === undefined ? "" : `, but for those in ${path}`}`);
    return madeUp(path);
  }, options);
}

/** What tells that this is a platform. */
function platform(): string | undefined {
  if ((process.env["CI"] ?? "") !== "") {
    return undefined;
  }
  // systemd says so to the process that it started, which hands the variable on to others.
  const service = process.env["SYSTEMD_EXEC_PID"] === String(process.pid) ? "SYSTEMD_EXEC_PID" : undefined;
  return PLATFORM.find((name) => process.env[name] !== undefined) ?? service;
}

function madeUp(path: string | undefined): Source {
  return {
    place: path ?? "made-up values",
    advice: "check what the file holds under these names",
    async read(secret) {
      const given = path === undefined ? {} : await fileAt(path);
      const value = Object.hasOwn(given, secret.name) ? given[secret.name] : undefined;
      return await heldIn(valueOf(secret, value), secret);
    },
  };
}

async function fileAt(path: string): Promise<Readonly<Record<string, unknown>>> {
  const object = parseJson(await readFile(path, "utf8"));
  if (!isObject(object)) {
    throw new Unusable("the file is no JSON object");
  }
  return object;
}

/** What Secrets Manager would hold. */
function valueOf(secret: Secret, given: unknown): string | Uint8Array {
  if (secret.holds === "properties") {
    if (given !== undefined && !isObject(given)) {
      throw new Unusable("it is no JSON object");
    }
    const names = Object.values(secret.fields).map((field) => field.property);
    const madeUp = Object.fromEntries(names.map((name) => [name, `mock-${name}-of-${secret.name}`]));
    return JSON.stringify({ ...madeUp, ...given });
  }
  if (given === undefined) {
    return `mock-value-of-${secret.name}`;
  }
  if (typeof given !== "string") {
    throw new Unusable("it is no text");
  }
  if (secret.holds === "text") {
    return given;
  }
  if (!BASE64.test(given)) {
    throw new Unusable("it is no base64 text");
  }
  return Buffer.from(given, "base64");
}
