// storefront keeps its sessions in redis. This is how it connects.

import { OpenError, type RedisStorefront, Secrets } from "storefront-secrets";

const backend = process.env.BACKEND_URL ?? "http://127.0.0.1:8080";

async function open(): Promise<Secrets> {
  try {
    return await Secrets.open();
  } catch (error) {
    if (!(error instanceof OpenError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}

/** Whether redis takes the credentials. */
async function login({ username, password }: RedisStorefront): Promise<boolean> {
  const pair = Buffer.from(`${username.expose()}:${password.expose()}`);
  const authorization = `Basic ${pair.toString("base64")}`;
  const answer = await fetch(`${backend}/redis`, { headers: { authorization } }).catch(() => undefined);
  return answer?.status === 200;
}

const secrets = await open();
if (await login(await secrets.redisStorefront())) {
  console.log("storefront: connected to redis");
} else {
  console.error("storefront: redis refused");
  process.exitCode = 1;
}
