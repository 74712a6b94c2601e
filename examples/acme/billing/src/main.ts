// billing takes payments through stripe and books them in postgres. This is how it connects.

import { OpenError, Secrets } from "billing-secrets";

const backend = process.env.BACKEND_URL ?? "http://127.0.0.1:8080";

/** A datasource that does not take what we know. */
class Refused extends Error {
  constructor(datasource: string) {
    super(`billing: ${datasource} refused`);
  }
}

async function connect(datasource: string, authorization: string): Promise<void> {
  const answer = await fetch(`${backend}/${datasource}`, { headers: { authorization } }).catch(() => undefined);
  if (answer?.status !== 200) throw new Refused(datasource);
  console.log(`billing: connected to ${datasource}`);
}

async function main(): Promise<void> {
  const secrets = await Secrets.open();

  const token = await secrets.stripeBilling();
  await connect("stripe", `Bearer ${token.expose()}`);

  const { username, password } = await secrets.postgresBilling();
  const pair = Buffer.from(`${username.expose()}:${password.expose()}`);
  await connect("postgres", `Basic ${pair.toString("base64")}`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof OpenError || error instanceof Refused)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
