/**
 * Who may come in, through the real program over TCP with stock clients: password file, tokens, another
 * server, bans, delays, storms. MQTT 5.0 section 5.4; MQTT 3.1.1 section 5.4.
 */

import assert from "node:assert/strict";
import * as net from "node:net";
import { SignJWT } from "jose";
import type { BrokerProcess } from "./broker_process.ts";
import { startBroker } from "./broker_process.ts";
import { messages, mosquittoPub, mosquittoSub, receive, startClient } from "./client_process.ts";
import { RawClient } from "./raw.ts";
import { tool, toolTest } from "./tools.ts";
import { within } from "./within.ts";
import { runDunlin } from "../run_program.ts";

const SECRET = "a secret of at least 32 characters";
const TO_BYTES = new TextEncoder();

let shared: BrokerProcess | undefined;
let directory: string;
let server: Deno.HttpServer<Deno.NetAddr>;

Deno.test.beforeAll(async () => {
  directory = await Deno.makeTempDir({ prefix: "dunlin-users-" });
  await passwd("ada", "pencil");
  await passwd("bob", "pen");
  server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const { username, password } = await request.json();
    if (username !== "remote") return new Response(null, { status: 404 });
    const result = password === "right" ? "allow" : "deny";
    return Response.json({ result, roles: ["reader"] });
  });
  const passwordFile = { file: `${directory}/passwords` };
  shared = await startBroker({
    listeners: [
      { type: "tcp", port: 0, allowAnonymous: false, name: "main" },
      {
        type: "tcp",
        port: 0,
        allowAnonymous: true,
        name: "inner",
        authentication: { passwordFile },
      },
    ],
    authentication: {
      passwordFile,
      jwt: { secret: SECRET, clockTolerance: 0 },
      http: { url: `http://127.0.0.1:${server.addr.port}/auth` },
    },
    limits: { failureDelay: 20, failureDelayMaximum: 50, failuresPerAddress: 0 },
  });
});

Deno.test.afterAll(async () => {
  await shared?.stop();
  await server?.shutdown();
  await Deno.remove(directory, { recursive: true });
});

function broker(): BrokerProcess {
  assert.ok(shared !== undefined, "the broker has not been started");
  return shared;
}

/** Runs `dunlin passwd` on the file of users. */
async function passwd(user: string, password: string, ...more: string[]): Promise<void> {
  const { status, err } = await within(
    runDunlin(
      ["--allow-read", "--allow-write", "--allow-env", "--allow-sys"],
      ["passwd", `${directory}/passwords`, user, ...more],
      { input: `${password}\n` },
    ),
    "dunlin passwd",
  );
  assert.equal(status, 0, err);
}

/** The CONNACK code of a bare client, which then leaves. */
async function knock(
  username: string | undefined,
  password: string | undefined,
  { clientId = "raw", version = 5 as 4 | 5, of = broker() } = {},
): Promise<number> {
  const client = await RawClient.open(of, version);
  const connack = await client.knock(clientId, {
    username,
    password: password === undefined ? undefined : TO_BYTES.encode(password),
  });
  if (connack.reasonCode === 0) await client.disconnect();
  else await client.ended();
  return connack.reasonCode;
}

toolTest(
  ["mosquitto_pub", "mosquitto_sub", "stdbuf"],
  "mosquitto clients get in with the passwords that dunlin passwd has set, and publish",
  async () => {
    const { port } = broker();
    const ada = await mosquittoSub(port, "-u", "ada", "-P", "pencil", "-t", "u/#", "-F", ">%p");
    await mosquittoPub(port, "-u", "bob", "-P", "pen", "-t", "u/1", "-m", "hello", "-q", "1");
    await receive(ada, 1);
    assert.deepEqual(messages(ada), ["hello"]);
    await ada.stop();
    for (
      const more of [["-u", "ada", "-P", "pen"], ["-u", "eve", "-P", "pencil"], ["-u", "ada"], []]
    ) {
      for (const version of ["311", "5"]) {
        const client = startClient(tool("mosquitto_pub")!, [
          ...["-p", `${port}`, "-V", version, "-t", "u/1", "-m", "x"],
          ...more,
        ]);
        await assert.rejects(client.done(), /efused|authori[sz]ed|user ?name/i, more.join(" "));
      }
    }
  },
);

toolTest(
  ["mosquitto", "mosquitto_pub"],
  "Debian's mosquitto lets in whom dunlin passwd has set, by the same file",
  async () => {
    const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    const { port } = listener.addr as Deno.NetAddr;
    listener.close();
    const place = await Deno.makeTempDir({ prefix: "dunlin-mosquitto-" });
    await Deno.chmod(place, 0o755);
    await Deno.copyFile(`${directory}/passwords`, `${place}/pw`);
    await Deno.chmod(`${place}/pw`, 0o644);
    await Deno.writeTextFile(
      `${place}/mosquitto.conf`,
      `listener ${port} 127.0.0.1\nallow_anonymous false\npassword_file ${place}/pw\n`,
    );
    const mosquitto = new Deno.Command(tool("mosquitto")!, {
      args: ["-c", `${place}/mosquitto.conf`],
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      await within(listening(port), "mosquitto to listen");
      await mosquittoPub(port, "-u", "ada", "-P", "pencil", "-t", "a", "-m", "b");
      const wrong = startClient(tool("mosquitto_pub")!, [
        ...["-p", `${port}`, "-u", "ada", "-P", "pen", "-t", "a", "-m", "b"],
      ]);
      await assert.rejects(wrong.done());
    } finally {
      mosquitto.kill();
      await mosquitto.status;
      await Deno.remove(place, { recursive: true });
    }
  },
);

async function listening(port: number): Promise<void> {
  for (;;) {
    try {
      (await Deno.connect({ port, hostname: "127.0.0.1" })).close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** [when, user, password, Reason Code] */
const knocks = [
  ["the password is right", "ada", "pencil", 0],
  ["the password is wrong", "ada", "pen", 0x86],
  ["there is no such user", "eve", "pencil", 0x86],
  ["there is nothing", undefined, undefined, 0x87],
  ["the other server says yes", "remote", "right", 0],
  ["the other server says no", "remote", "wrong", 0x87],
] as const;

for (const [when, user, password, five] of knocks) {
  Deno.test(`dunlin answers with ${five} in 5.0 and the like in 3.1.1 when ${when}`, async () => {
    assert.equal(await knock(user, password), five);
    assert.equal(await knock(user, password, { version: 4 }), five); // told as 4 or 5
  });
}

Deno.test("dunlin lets a listener have ways of its own to know clients", async () => {
  const port = Number(broker().addresses[1]!.split(":").at(-1));
  const inner = { ...broker(), port };
  assert.equal(await knock("ada", "pencil", { of: inner }), 0);
  assert.equal(await knock(undefined, undefined, { of: inner, clientId: "nobody" }), 0);
  assert.equal(await knock("remote", "right", { of: inner }), 0x86); // it asks no server
});

Deno.test("dunlin refuses another user the session of a client id, and leaves its owner alone", async () => {
  const owner = await RawClient.open(broker(), 5);
  const mine = { username: "ada", password: TO_BYTES.encode("pencil") };
  const properties = { sessionExpiryInterval: 100 };
  assert.equal((await owner.knock("stolen", { ...mine, properties })).reasonCode, 0);
  assert.equal(await knock("bob", "pen", { clientId: "stolen" }), 0x87);
  await owner.ping();
  await owner.disconnect();
  assert.equal(await knock("bob", "pen", { clientId: "stolen" }), 0x87); // nor while it is away
  const back = await RawClient.open(broker(), 5);
  const connack = await back.knock("stolen", { ...mine, cleanStart: false, properties });
  assert.deepEqual([connack.reasonCode, connack.sessionPresent], [0, true]);
  await back.disconnect();
});

function sign(claims: object, alg = "HS256"): Promise<string> {
  return new SignJWT({ sub: "device", ...claims }).setProtectedHeader({ alg })
    .sign(TO_BYTES.encode(SECRET));
}

Deno.test("dunlin ends a connection with 0xa0 when its token does", async () => {
  const exp = Math.ceil(Date.now() / 1000) + 3;
  const client = await RawClient.open(broker(), 5);
  const password = TO_BYTES.encode(await sign({ exp }));
  assert.equal((await client.knock("token", { username: "x", password })).reasonCode, 0);
  const line = await broker().logged((each) => each["clientId"] === "token", "its line");
  assert.deepEqual([line.message, line["user"]], ["connected", "device"]);
  assert.equal((await client.expect("disconnect")).reasonCode, 0xa0);
  assert.ok(Date.now() >= exp * 1000 - 5);
  await client.ended();
  const ended = await broker().logged(
    (each) => each["clientId"] === "token" && each.message === "disconnected",
    "its end",
  );
  assert.equal(ended["reason"], "identityExpired");
});

Deno.test("dunlin refuses a token that is over, of another algorithm, or unsigned", async () => {
  const over = Math.floor(Date.now() / 1000) - 10;
  const later = over + 1_000;
  const part = (value: object) => btoa(JSON.stringify(value)).replace(/=+$/, "");
  for (
    const token of [
      await sign({ exp: over }),
      await sign({}),
      await sign({ exp: later }, "HS384"),
      `${part({ alg: "none" })}.${part({ sub: "root", exp: later })}.`,
    ]
  ) {
    assert.equal(await knock("x", token), 0x86);
  }
});

/** What stands in the README for fail2ban. */
async function failregex(): Promise<RegExp> {
  const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  const line = /^failregex = (.+)$/m.exec(readme)?.[1];
  assert.ok(line !== undefined, "the README has no failregex");
  return new RegExp(line.replace("<ADDR>", "(?<address>[0-9.]+|[0-9a-f:]+)"));
}

Deno.test("dunlin writes one line for a failure, which the fail2ban filter of the README finds", async () => {
  const from = broker().log().length;
  const user = 'x","address":"192.0.2.99:1"} \n{"message":"authentication failed"';
  assert.equal(await knock(user, "secret word", { clientId: "log\u0007" }), 0x86);
  const failed = (line: { message: string }) => line.message === "authentication failed";
  const line = await broker().logged(failed, "the line of the failure", from);
  const { time, address, ...rest } = line;
  assert.match(String(address), /^127\.0\.0\.1:\d+$/);
  assert.match(String(time), /^\d{4}-\d\d-\d\dT/);
  assert.deepEqual(rest, {
    level: "warn",
    category: "authentication",
    message: "authentication failed",
    user,
    clientId: "log\u0007",
    reason: "badUserNameOrPassword",
    detail: "the user name or the password is wrong",
    listener: "main",
  });
  const lines = broker().log().slice(from);
  assert.equal(lines.filter(failed).length, 1);
  assert.ok(!JSON.stringify(lines).includes("secret word"));
  const regex = await failregex();
  const found = lines.map((each) => regex.exec(JSON.stringify(each))?.groups?.["address"]);
  assert.deepEqual(found.filter((each) => each !== undefined), ["127.0.0.1"]);
  const six = JSON.stringify({ ...line, address: "[2001:db8::7]:50123" });
  assert.equal(regex.exec(six)?.groups?.["address"], "2001:db8::7");
  const dated = JSON.stringify({ ...line, time: "" }); // fail2ban takes the date out first
  assert.equal(regex.exec(dated)?.groups?.["address"], "127.0.0.1");
});

Deno.test("dunlin takes a changed password file over within 5 s, and keeps the old one when it is broken", async () => {
  const from = broker().log().length;
  const again = (line: { message: string }) => line.message === "a file was read again";
  await passwd("carl", "third");
  await broker().logged(again, "the file to be read again", from);
  assert.equal(await knock("carl", "third"), 0);
  assert.equal(await knock("ada", "pencil"), 0);
  const path = `${directory}/passwords`;
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, `${text}dora:plain\n`);
  const broken = await broker().logged(
    (line) => line.message.startsWith("a changed file is not used"),
    "the broken file to be told of",
    from,
  );
  assert.match(String(broken["reason"]), /passwords:4: error: found a password in plain text/);
  assert.equal(await knock("carl", "third"), 0);
  const next = broker().log().length;
  await Deno.writeTextFile(path, text);
  await broker().logged(again, "the mended file to be read", next);
  const last = broker().log().length;
  await passwd("carl", "", "--delete");
  await broker().logged(again, "the file to be read again", last);
  assert.equal(await knock("carl", "third"), 0x86);
});

Deno.test("dunlin does not start, and names file and line, when the password file is broken", async () => {
  const place = await Deno.makeTempDir({ prefix: "dunlin-users-" });
  try {
    await Deno.writeTextFile(`${place}/pw`, "# users\nada:$7$1$a$b\n");
    const config = { store: "memory", authentication: { passwordFile: { file: `${place}/pw` } } };
    await Deno.writeTextFile(`${place}/dunlin.json`, JSON.stringify(config));
    for (const [command, ...more] of [["run", "--port", "0", "--config"], ["check"]]) {
      const { status, out, err } = await within(
        runDunlin(["--allow-all"], [command!, ...more, `${place}/dunlin.json`]),
        "the program to give up",
      );
      assert.equal(status, 1);
      assert.match(out + err, /\/pw:2: error: found a salt that is not/);
    }
  } finally {
    await Deno.remove(place, { recursive: true });
  }
});

/** A connection from another of this machine's addresses; how it ended. */
function dial(port: number, localAddress: string, bytes?: Uint8Array): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: "127.0.0.1", localAddress });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      socket.on("error", () => {});
      if (bytes !== undefined) socket.write(bytes);
      resolve(socket);
    });
  });
}

Deno.test("dunlin bans an address after too many failures, before it reads a byte, and no other, and ends what is open", async () => {
  const banning = await startBroker({
    listeners: [{ type: "tcp", port: 0, allowAnonymous: false }],
    authentication: { passwordFile: { file: `${directory}/passwords` } },
    store: "memory",
    limits: { failuresPerAddress: 3, banTime: 5, failureDelay: 0 },
  });
  try {
    const inside = await RawClient.connect(banning, 5, "inside", {
      username: "ada",
      password: TO_BYTES.encode("pencil"),
    });
    for (const code of [0x86, 0x86, 0x8a]) {
      assert.equal(await knock("ada", "x", { of: banning }), code);
    }
    assert.equal((await inside.expect("disconnect")).reasonCode, 0x87); // what is open ends too
    await inside.ended();
    const line = await banning.logged((each) => each.message === "banned", "the ban");
    assert.deepEqual([line["kind"], line["value"]], ["address", "127.0.0.1"]);
    const client = await RawClient.open(banning, 5);
    await client.ended(); // without a word
    const other = await dial(banning.port, "127.0.0.2");
    other.write(CONNECT_ADA);
    const answer = await within(
      new Promise<Uint8Array>((resolve) => other.once("data", resolve)),
      "CONNACK",
    );
    assert.deepEqual([answer[0], answer[3]], [0x20, 0]);
    other.destroy();
    await new Promise((resolve) => setTimeout(resolve, 5_000)); // banTime
    assert.equal(await knock("ada", "pencil", { of: banning }), 0);
  } finally {
    await banning.stop();
  }
});

Deno.test("dunlin answers a banned user with 0x8a in 5.0 and with 5 in 3.1.1, whatever the password", async () => {
  const banning = await startBroker({
    listeners: [{ type: "tcp", port: 0, allowAnonymous: false }],
    authentication: { passwordFile: { file: `${directory}/passwords` } },
    store: "memory",
    limits: { failuresPerUser: 2, failureDelay: 0 },
  });
  try {
    for (const _ of [1, 2]) assert.equal(await knock("ada", "x", { of: banning }), 0x86);
    assert.equal(await knock("ada", "pencil", { of: banning }), 0x8a);
    assert.equal(await knock("bob", "pen", { of: banning }), 0);
    const old = await RawClient.open(banning, 4);
    await old.knock("old", { username: "ada", password: TO_BYTES.encode("pencil") });
    assert.deepEqual([...old.lastFrame], [0x20, 2, 0, 5]);
    await old.ended();
  } finally {
    await banning.stop();
  }
});

/** CONNECT in 3.1.1 of client `c`, user `ada`, password `pencil`. */
const CONNECT_ADA = Uint8Array.of(
  ...[0x10, 26, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 0xc2, 0, 60, 0, 1, 0x63],
  ...[0, 3, 0x61, 0x64, 0x61, 0, 6, 0x70, 0x65, 0x6e, 0x63, 0x69, 0x6c],
);

Deno.test("dunlin goes on for others while one address connects as fast as it can", async () => {
  const storming = await startBroker({
    listeners: [{ type: "tcp", port: 0, allowAnonymous: true }],
    store: "memory",
    limits: { connectRate: 50, connectBurst: 100 },
  });
  try {
    const calm = await RawClient.open(storming, 5); // from 127.0.0.1
    assert.equal((await calm.knock("calm")).reasonCode, 0);
    await calm.subscribe("calm", 1);
    const start = performance.now();
    let storm = true;
    let dialled = 0;
    const stormers = Array.from({ length: 20 }, async () => {
      while (storm) {
        const socket = await dial(storming.port, "127.0.0.3").catch(() => undefined);
        dialled += 1;
        socket?.destroy();
      }
    });
    let slowest = 0;
    for (let round = 0; round < 100 || dialled < 2_000; round++) {
      const before = performance.now();
      await calm.publish("calm", `${round}`);
      await calm.expect("publish");
      slowest = Math.max(slowest, performance.now() - before);
    }
    const newcomer = await RawClient.open(storming, 5);
    assert.equal((await newcomer.knock("newcomer")).reasonCode, 0);
    storm = false;
    await Promise.all(stormers);
    const seconds = (performance.now() - start) / 1000;
    const line = await storming.logged(
      (each) => each["reason"] === "connectRate",
      "the line of the storm",
    );
    assert.match(String(line["address"]), /^127\.0\.0\.3:/);
    const left = storming.log().filter((each) => each["reason"] === "connectRate").length;
    assert.ok(left <= seconds + 2, `${left} lines in ${seconds} s`);
    assert.ok(slowest < 10_000, `${slowest} ms for a message of the other client`);
    await calm.disconnect();
    await newcomer.disconnect();
  } finally {
    await storming.stop();
  }
});
