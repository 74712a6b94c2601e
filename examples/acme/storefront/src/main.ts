// storefront keeps its sessions in redis. This is how it connects.

import { OpenError, type RedisStorefront, Secrets } from "storefront-secrets";

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
  const answer = await fetch(`${process.env.BACKEND_URL}/redis`, {
    headers: { authorization: `Basic ${pair.toString("base64")}` },
  });
  return answer.status === 200;
}

const secrets = await open();
if (await login(await secrets.redisStorefront())) {
  console.log("storefront: connected to redis");
} else {
  console.error("storefront: redis refused");
  process.exitCode = 1;
}
