/** Management over HTTP in the real program: users and tokens, rules, limits, delays and bans, the audit. */

import assert from "node:assert/strict";
import { SignJWT } from "jose";
import { formatPasswordHash, hashPassword } from "../../src/authentication/password_hash.ts";
import { adminUrl } from "./administration.ts";
import type { BrokerProcess } from "./broker_process.ts";
import { startBroker } from "./broker_process.ts";
import { connectJs, once } from "./mqttjs_client.ts";

const SECRET = "a secret of at least 32 characters";

let directory: string;
let broker: BrokerProcess;

Deno.test.beforeAll(async () => {
  directory = await Deno.makeTempDir({ prefix: "dunlin-http-" });
  const lines = await Promise.all(["ada", "sam", "dev"].map(async (user) => {
    const hash = await hashPassword(new TextEncoder().encode("pencil"), 100);
    return `${user}:${formatPasswordHash(hash)}\n`;
  }));
  await Deno.writeTextFile(`${directory}/passwords`, lines.join(""));
  broker = await startBroker({
    store: "memory",
    admin: { port: 0 },
    listeners: [{ type: "tcp", port: 0, allowAnonymous: true }],
    administrators: [{ user: "ada" }, { role: "operator" }],
    access: [
      { permission: "deny", action: "connect", who: { user: "dev", listener: "admin" } },
      { permission: "allow", action: "connect" },
      { permission: "allow", who: { user: "sam" }, topics: "$CONTROL/dunlin/v1/sessions/#" },
      { permission: "allow", topics: "#" },
    ],
    authentication: {
      passwordFile: { file: `${directory}/passwords` },
      jwt: { secret: SECRET, rolesClaim: "roles" },
    },
    limits: {
      managementRequest: 2_000,
      failureDelay: 100,
      failureDelayMaximum: 400,
      failuresPerAddress: 0,
      failuresPerUser: 4,
    },
  });
});

Deno.test.afterAll(async () => {
  await broker.stop();
  await Deno.remove(directory, { recursive: true });
});

interface Answer {
  readonly status: number;
  // deno-lint-ignore no-explicit-any
  readonly reply: any;
}

async function post(
  command: string,
  authorization: string | undefined,
  body = "{}",
): Promise<Answer> {
  const response = await fetch(adminUrl(broker, `/api/v1/${command}`), {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(authorization === undefined ? {} : { authorization }),
    },
    body,
  });
  return { status: response.status, reply: await response.json() };
}

const basic = (user: string, password = "pencil") => `Basic ${btoa(`${user}:${password}`)}`;
const token = async (roles: readonly string[], secret = SECRET) =>
  `Bearer ${await new SignJWT({ sub: "bot", roles }).setProtectedHeader({ alg: "HS256" })
    .setExpirationTime("5m").sign(new TextEncoder().encode(secret))}`;

Deno.test("an administrator kicks a client over HTTP, and the audit says who did from where", async () => {
  const pump = await connectJs(broker.port, "pump-7");
  const gone = once(pump.client, "close");
  const dry = await post("sessions/kick", basic("ada"), '{"clientId":"pump-7","dryRun":true}');
  assert.deepEqual([dry.status, dry.reply.dryRun], [200, true]);
  const { status, reply } = await post("sessions/kick", basic("ada"), '{"clientId":"pump-7"}');
  assert.deepEqual([status, reply.ok], [200, true], JSON.stringify(reply));
  await gone;
  const line = await broker.logged(
    ({ category, message, ...fields }) =>
      category === "audit" && message === "sessions/kick" && fields["dryRun"] === undefined,
    "the line of the audit",
  );
  assert.deepEqual([line["user"], line["via"], line["listener"]], ["ada", "http", "admin"]);
  assert.match(String(line["address"]), /^127\.0\.0\.1:\d+$/);
});

Deno.test("a token of the right role gets in over HTTP, and another is refused", async () => {
  assert.equal((await post("health", await token(["operator"]))).status, 200);
  assert.equal((await post("health", await token(["guest"]))).status, 403);
  const forged = await post(
    "health",
    await token(["operator"], "another secret of 32 characters!"),
  );
  assert.equal(forged.status, 401);
});

Deno.test("rules of access decide about commands over HTTP as about topics", async () => {
  assert.equal((await post("sessions/list", basic("sam"))).status, 200);
  const refused = await post("drain", basic("sam"));
  assert.equal(refused.status, 403);
  assert.equal(refused.reply.error.reason, "notPermitted");
  assert.equal((await post("sessions/list", basic("dev"))).status, 403);
});

/** [what, command, body, status, reason] */
const FAULTS: readonly (readonly [string, string, string, number, string])[] = [
  ["it is no JSON", "sessions/list", "{nonsense", 400, "badRequest"],
  ["it is no object", "sessions/list", "[]", 400, "badRequest"],
  ["it has an unknown key", "sessions/list", '{"x":1}', 400, "badRequest"],
  ["the command is unknown", "sessions/fly", "{}", 404, "unknownCommand"],
  ["there is no such session", "sessions/get", '{"clientId":"x"}', 404, "notFound"],
  ["it is too large", "publish", "x".repeat(2_001), 413, "requestTooLarge"],
];

for (const [what, command, body, status, reason] of FAULTS) {
  Deno.test(`a request over HTTP is answered ${status} when ${what}`, async () => {
    const answer = await post(command, basic("ada"), body);
    assert.deepEqual([answer.status, answer.reply.error.reason], [status, reason]);
  });
}

Deno.test("who does not get in learns the same for every user and command, slower each time, and is banned", async () => {
  const answers = new Set<string>();
  const tell = async (command: string, authorization: string | undefined) => {
    const { status, reply } = await post(command, authorization);
    assert.equal(status, 401);
    answers.add(JSON.stringify(reply));
  };
  await tell("health", undefined);
  await tell("fly", undefined);
  await tell("health", basic("nobody", "x"));
  const began = performance.now();
  for (let failure = 0; failure < 4; failure++) await tell("health", basic("sam", "wrong"));
  // 100, 200, 400 and 400 ms, or more as the address has failed before.
  assert.ok(performance.now() - began > 900, "failures are answered at once");
  const line = await broker.logged(
    ({ message, ...fields }) => message === "authentication failed" && fields["user"] === "sam",
    "the line that fail2ban reads",
  );
  assert.equal(line["listener"], "admin");
  await broker.logged(
    ({ message, ...fields }) => message === "banned" && fields["value"] === "sam",
    "the ban",
  );
  await tell("sessions/list", basic("sam"));
  await assert.rejects(connectJs(broker.port, "x", { username: "sam", password: "pencil" }));
  assert.equal(answers.size, 1, [...answers].join("\n"));
  assert.equal(
    (await post("bans/remove", basic("ada"), '{"kind":"user","value":"sam"}')).status,
    200,
  );
  assert.equal((await post("sessions/list", basic("sam"))).status, 200);
});

Deno.test("the document of OpenAPI is there for whoever gets in", async () => {
  const url = adminUrl(broker, "/api/v1/openapi.json");
  const without = await fetch(url);
  assert.equal(without.status, 401);
  await without.body?.cancel();
  const document = await (await fetch(url, { headers: { authorization: basic("ada") } })).json();
  assert.ok("/api/v1/sessions/kick" in document.paths);
});

Deno.test("management over HTTP is on loopback only, unless the configuration asks for it", async () => {
  const other = await startBroker({ store: "memory", admin: { port: 0, address: "0.0.0.0" } });
  try {
    const response = await fetch(
      adminUrl(other, "/api/v1/health").replace("0.0.0.0", "127.0.0.1"),
      { method: "POST" },
    );
    assert.equal(response.status, 404);
    await response.body?.cancel();
  } finally {
    await other.stop();
  }
});
