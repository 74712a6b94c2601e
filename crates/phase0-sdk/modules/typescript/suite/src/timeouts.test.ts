// Servers of the suite's own that are worse than one that is away: they accept, and then say nothing, or not all.

import assert from "node:assert/strict";
import { type RequestListener, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";

import { Secrets } from "../../module/dist/index.js";
import { CANARY, POSTGRES, SMTP, STRIPE, TLS, environment, refusal } from "./control.js";

async function server(t: TestContext, listener: RequestListener): Promise<void> {
  const http = createServer(listener);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    http.close();
    http.closeAllConnections();
  });
  const { port } = http.address() as AddressInfo;
  environment(t, { AWS_ENDPOINT_URL: `http://127.0.0.1:${String(port)}` });
}

test("a server that never answers is waited for three times five seconds", async (t) => {
  let requests = 0;
  await server(t, () => {
    requests += 1;
  });
  const { setImmediate } = globalThis;
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const ended = new AbortController();
  const opening = refusal(Secrets.open()).finally(() => {
    ended.abort();
  });
  let waited = 0;
  for (; !ended.signal.aborted && waited < 60_000; waited += 10) {
    t.mock.timers.tick(10);
    await new Promise(setImmediate);
  }
  const error = await opening;
  assert.match(error.message, /^ {2}platform-data\/stripe\/suite: TimeoutError: /m);
  assert.deepEqual(error.names, [POSTGRES, SMTP, STRIPE, TLS]);
  assert.equal(requests, 12);
  assert.ok(waited >= 15_000 && waited < 25_000, `it took ${String(waited)} ms`);
});

test("an answer that stops in the middle is waited for five seconds, and then asked for again", async (t) => {
  const stopped = new Set<string>();
  await server(t, (request, response) => {
    const call = String(request.headers["amz-sdk-invocation-id"]);
    if (stopped.has(call)) {
      response.end("{}");
    } else {
      stopped.add(call);
      response.writeHead(200, { "content-length": 1_000 });
      response.write(`{"SecretString":"${CANARY}`);
    }
  });
  const error = await refusal(Secrets.open());
  assert.match(error.message, /^ {2}platform-data\/stripe\/suite: it holds no value$/m);
});

test("an answer that is none is not quoted", async (t) => {
  await server(t, (_request, response) => {
    response.end(`{"SecretString":"${CANARY}`);
  });
  const error = await refusal(Secrets.open());
  assert.match(
    error.message,
    /^ {2}platform-data\/stripe\/suite: its answer with HTTP status 200 can't be understood$/m,
  );
  assert.ok(!error.message.includes(CANARY), "an error shows a value");
});

test("an answer without a value has none", async (t) => {
  await server(t, (_request, response) => response.end("{}"));
  const error = await refusal(Secrets.open());
  assert.match(error.message, /^ {2}platform-data\/stripe\/suite: it holds no value$/m);
});

test("a refusal that is no JSON is told by its status", async (t) => {
  await server(t, (_request, response) => {
    response.statusCode = 403;
    response.end("<html>\n<b>Forbidden</b>");
  });
  const error = await refusal(Secrets.open());
  const reason = /^ {2}platform-data\/stripe\/suite: (.*)$/m.exec(error.message)?.[1];
  assert.equal(reason, "its answer with HTTP status 403 can't be understood");
});
