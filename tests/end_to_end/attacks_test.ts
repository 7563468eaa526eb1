/**
 * The list of attacks, each by its name: those that no other file tries stand here, and a test that those elsewhere are
 * still there. All of them meet the real program.
 */

import assert from "node:assert/strict";
import type { CryptoKey } from "jose";
import { exportSPKI, generateKeyPair, SignJWT } from "jose";
import type { Publish } from "../../src/packet/packet.ts";
import { encode } from "../../src/packet/encode.ts";
import type { BrokerProcess } from "./broker_process.ts";
import { startBroker } from "./broker_process.ts";
import { connectOf, RawClient } from "./raw.ts";
import { RawWebSocket, upgradeRequest } from "./raw_websocket.ts";
import type { TlsRig } from "./tls_rig.ts";
import { startTls } from "./tls_rig.ts";
import { tool, toolTest } from "./tools.ts";
import { within } from "./within.ts";

/** [attack, the file that tries it, the beginning of its test's name] */
const ELSEWHERE = [
  ["session theft by client id", "users_test.ts", "dunlin refuses another user the session"],
  ["brute force of passwords", "users_test.ts", "dunlin bans an address after too many failures"],
  ["10,000 connects a second", "users_test.ts", "dunlin goes on for others while one address"],
  ["JWT with alg none", "users_test.ts", "dunlin refuses a token that is over, of another"],
  [
    "password timing",
    "../authentication/password_verifier_test.ts",
    "passwordVerifier() does the same",
  ],
  [
    "JWT with a key of its own",
    "../authentication/jwt_test.ts",
    "jwtVerifier() refuses what was changed",
  ],
  ["SCRAM replay", "../authentication/scram_sha_256_test.ts", "scramSha256() refuses a replay"],
  ["wildcards in client ids", "../broker/access_test.ts", "Broker.step() gives a client no more"],
  ["TLS renegotiation", "tls_attack_test.ts", "${listener} does not renegotiate"],
  [
    "garbage to the TLS port",
    "tls_attack_test.ts",
    "${listener} serves others when 1,000 connections",
  ],
  ["slow handshakes", "tls_attack_test.ts", "${listener} serves others when slow ones"],
  ["a slow upgrade", "websocket_test.ts", "a link is closed in time when its upgrade"],
  [
    "header smuggling, all kinds",
    "../transport/http_upgrade_test.ts",
    "upgrade() answers ${status} when",
  ],
  ["noise of many links", "bad_input_test.ts", "the broker survives many links that send noise"],
] as const;

for (const [attack, file, name] of ELSEWHERE) {
  Deno.test(`the attack "${attack}" is tried in ${file}`, async () => {
    const text = await Deno.readTextFile(new URL(file, import.meta.url));
    assert.ok(text.includes(name), `${file} has no test "${name}…"`);
  });
}

const TO_BYTES = new TextEncoder();
const connectTimeout = 2;

let directory: string;
let broker: BrokerProcess;
let rig: TlsRig | undefined;
let keys: { readonly privateKey: CryptoKey; readonly pem: string };
/** The broker's web listener. */
let webPort: number;

Deno.test.beforeAll(async () => {
  directory = await Deno.makeTempDir({ prefix: "dunlin-attacks-" });
  const { privateKey, publicKey } = await generateKeyPair("RS256");
  keys = { privateKey, pem: await exportSPKI(publicKey) };
  await Deno.writeTextFile(`${directory}/key.pem`, keys.pem);
  broker = await startBroker({
    store: "memory",
    listeners: [
      { type: "tcp", port: 0, name: "tcp", allowAnonymous: true },
      { type: "websocket", port: 0, name: "web", allowAnonymous: true },
    ],
    authentication: { jwt: { publicKeyFile: `${directory}/key.pem` } },
    access: [
      { permission: "deny", topics: "secret/#", who: { not: { role: "keeper" } } },
      { permission: "allow", topics: ["dev/${clientid}/#", "home/${username}/#"] },
      { permission: "allow", topics: ["open/#", "$SYS/#"] },
    ],
    limits: { connectTimeout, failureDelay: 0, failuresPerAddress: 0 },
  });
  webPort = Number(broker.addresses[1]!.split(":").at(-1));
  if (tool("openssl") !== undefined) {
    rig = await startTls((pair) => Promise.resolve({ plain: pair }), {
      limits: { connectTimeout },
    });
  }
});

Deno.test.afterAll(async () => {
  await broker?.stop();
  await rig?.stop();
  await Deno.remove(directory, { recursive: true });
});

function token(claims: object): Promise<string> {
  const exp = Math.floor(Date.now() / 1000) + 1_000;
  return new SignJWT({ exp, ...claims }).setProtectedHeader({ alg: "RS256" }).sign(keys.privateKey);
}

/** The CONNACK code of a client that shows a token. */
async function codeOf(password: string): Promise<number> {
  const client = await RawClient.open(broker, 5);
  const { reasonCode } = await client.knock("knocks", {
    username: "x",
    password: TO_BYTES.encode(password),
  });
  client.close();
  return reasonCode;
}

/** A client that has shown a token. */
async function withToken(clientId: string, claims: object): Promise<RawClient> {
  const password = TO_BYTES.encode(await token(claims));
  return await RawClient.connect(broker, 5, clientId, { username: "x", password });
}

Deno.test("HS256 with the public RSA key: the token is refused, whatever of the key's text is the secret", async () => {
  assert.equal(await codeOf(await token({ sub: "ada" })), 0);
  const part = (value: object) =>
    TO_BYTES.encode(JSON.stringify(value)).toBase64({ alphabet: "base64url", omitPadding: true });
  const exp = Math.floor(Date.now() / 1000) + 1_000;
  const der = keys.pem.replace(/-----[^-]+-----|\s/g, "");
  for (const alg of ["HS256", "HS384", "HS512"]) {
    for (const secret of [keys.pem, keys.pem.trim(), `${keys.pem}\n`, der]) {
      const forged = await new SignJWT({ sub: "root", exp }).setProtectedHeader({ alg })
        .sign(TO_BYTES.encode(secret));
      assert.equal(await codeOf(forged), 0x86, `${alg}`);
    }
  }
  for (const alg of ["none", "None", "NONE", "nOnE", ""]) {
    assert.equal(await codeOf(`${part({ alg })}.${part({ sub: "root", exp })}.`), 0x86, alg);
  }
});

Deno.test("rules that a token was not signed with: they come from its signed claims alone", async () => {
  const [head, , signature] = (await token({ sub: "ada" })).split(".");
  const claims = { sub: "ada", exp: Math.floor(Date.now() / 1000) + 1_000 };
  const forged = TO_BYTES.encode(JSON.stringify({ ...claims, acl: [{ permission: "allow" }] }))
    .toBase64({ alphabet: "base64url", omitPadding: true });
  assert.equal(await codeOf(`${head}.${forged}.${signature}`), 0x86);
});

Deno.test("rules of a token hold for its client, and no other; what is wrong with them refuses it and is logged", async () => {
  const keeper = await withToken("keeper", { sub: "kay", roles: ["keeper"], acl: [] });
  assert.deepEqual(await keeper.subscribe("secret/#", 1), [0x87]); // no rule allows that
  const acl = [
    { permission: "deny", action: "publish", topic: "secret/own", retain: true },
    { permission: "allow", action: "all", topic: "secret/own" },
    { permission: "allow", topics: "=extra", action: "publish", who: { address: "127.0.0.0/8" } },
  ];
  const ada = await withToken("ada", { sub: "ada", acl });
  assert.deepEqual(await ada.subscribe("secret/own", 1), [1]);
  assert.deepEqual(await ada.subscribe("secret/+", 1), [0x87]);
  assert.deepEqual(await ada.subscribe("open/#", 1), [1]);
  const published = async (topic: string, retain = false) => {
    await ada.publish(topic, "x", { qos: 1, retain });
    for (;;) {
      const packet = await ada.next();
      if (packet.type === "puback") return packet.reasonCode;
    }
  };
  assert.equal(await published("secret/own", true), 0x87);
  assert.equal(await published("secret/own"), 0);
  assert.equal(await published("extra"), 0x10);
  assert.equal(await published("dev/ada/x"), 0x10);
  assert.equal(await published("dev/bob/x"), 0x87);
  const wrong = [...acl, { permission: "allow", topic: "secret/#" }];
  assert.equal(await codeOf(await token({ sub: "ada", acl: wrong })), 0x86);
  const line = await broker.logged(
    (each) => /acl/.test(String(each["detail"])),
    "the line of the wrong rule",
  );
  assert.equal(line.message, "authentication failed");
  assert.match(String(line["detail"]), /its claim acl\[3\] has an action that is not/);
  for (const client of [keeper, ada]) client.close();
});

/** [what, how it is written] */
const WRITES: readonly (readonly [string, string, Partial<Publish>])[] = [
  ["with QoS 0", "$SYS/broker/version", {}],
  ["with QoS 1", "$SYS/broker/version", { qos: 1 }],
  ["with QoS 2", "$SYS/broker/version", { qos: 2 }],
  ["retained", "$SYS/broker/version", { retain: true, qos: 1 }],
  ["by an alias", "$SYS/broker/version", { qos: 1, properties: { topicAlias: 1 } }],
  ["with a delay", "$delayed/0/$SYS/broker/version", { qos: 1 }],
  ["with two delays", "$delayed/0/$delayed/0/$SYS/broker/version", { qos: 1 }],
  ["as a request", "$CONTROL/dunlin", { qos: 1 }],
  ["as a request with a delay", "$delayed/0/$CONTROL/dunlin", { qos: 1 }],
  ["to dynamic security", "$CONTROL/dynamic-security/v1", { qos: 1 }],
];

for (const [what, topic, more] of WRITES) {
  Deno.test(`$SYS and $CONTROL: an ordinary client cannot write to ${topic} ${what}`, async () => {
    const watcher = await RawClient.connect(broker, 5, "watcher");
    assert.deepEqual(await watcher.subscribe("$SYS/broker/version", 1), [1]);
    await watcher.expect("publish"); // what is retained there
    const eve = await RawClient.connect(broker, 5, "eve");
    const payload = JSON.stringify({ commands: [{ command: "listClients" }] });
    await eve.publish(topic, payload, more);
    if (more.qos !== undefined) {
      const answer = await eve.expect(more.qos === 2 ? "pubrec" : "puback");
      assert.equal(answer.reasonCode, 0x87);
    }
    await eve.ping();
    await watcher.ping(); // and nothing before
    for (const client of [watcher, eve]) await client.disconnect();
  });
}

for (const topic of ["$SYS/broker/version", "$CONTROL/dunlin", "$delayed/0/$SYS/x", "secret/x"]) {
  Deno.test(`Wills: a client with a Will for ${topic} is refused`, async () => {
    const client = await RawClient.open(broker, 5);
    const connack = await client.knock("dying", {
      will: {
        topic,
        payload: TO_BYTES.encode("x"),
        qos: 1,
        retain: true,
        willDelayInterval: 0,
        properties: undefined,
      },
    });
    assert.equal(connack.reasonCode, 0x87);
    await client.ended();
  });
}

/** [client id, user] */
const NAMES: readonly (readonly [string, string])[] = [
  ["+", "ada"],
  ["#", "ada"],
  ["bob/#", "ada"],
  ["eve", "+"],
  ["eve", "#"],
  ["eve", "bob/#"],
  ["eve", "$share/g"],
  ["../bob", "%2b"],
];

for (const [clientId, user] of NAMES) {
  Deno.test(`wildcards in names: client id ${clientId} of user ${user} reaches nobody else's topics`, async () => {
    const client = await withToken(clientId, { sub: user });
    for (
      const filter of ["dev/#", "dev/+/x", "dev/bob/#", "home/#", "home/+/x", "home/bob/#", "#"]
    ) {
      assert.deepEqual(await client.subscribe(filter, 0), [0x87], filter);
      assert.deepEqual(await client.subscribe(`$share/g/${filter}`, 0), [0x87], filter);
    }
    for (const topic of ["dev/bob/x", "home/bob/x"]) {
      await client.publish(topic, "x", { qos: 1 });
      assert.equal((await client.expect("puback")).reasonCode, 0x87);
    }
    await client.disconnect();
  });
}

/** Sends bytes one by one until it cannot any more. */
async function drip(send: (byte: Uint8Array) => Promise<void>, isOver: () => boolean) {
  const whole = encode(connectOf(5, "slow".repeat(1_000)), 5);
  try {
    for (const byte of whole) {
      if (isOver()) return;
      await send(Uint8Array.of(byte));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  } catch {
    // The broker has closed it.
  }
}

toolTest(
  ["openssl"],
  "slow-loris over TLS: a CONNECT that comes a byte at a time is given up, and others are served",
  async () => {
    const where = { port: rig!.port("plain"), tls: rig!.tls() };
    const slow = await Promise.all(Array.from({ length: 20 }, () => RawClient.open(where, 5)));
    let over = false;
    const dripping = slow.map((client) => drip((byte) => client.send(byte), () => over));
    const other = await RawClient.connect(where, 5, "beside");
    for (const client of slow) {
      await client.ended().catch((error) => { // closed without a word, not even one of TLS
        assert.ok(error instanceof Deno.errors.UnexpectedEof, String(error));
      });
      client.close();
      await other.ping();
    }
    over = true;
    await Promise.all(dripping);
    await rig!.broker.logged((each) => each["reason"] === "connectTimeout", "why");
    await other.disconnect();
  },
);

Deno.test("slow-loris over WebSocket: a CONNECT that comes a byte a frame is given up, and others are served", async () => {
  const slow = await Promise.all(Array.from({ length: 20 }, () => RawWebSocket.connect(webPort)));
  let over = false;
  const dripping = slow.map((client) =>
    drip((byte) => client.sendFrame({ opcode: 2, payload: byte }), () => over)
  );
  const other = await RawWebSocket.connect(webPort);
  await other.sendPacket(connectOf(5, "beside"), 5);
  assert.equal((await other.packet(5))?.type, "connack");
  for (const client of slow) {
    await within(client.closed(), "the slow one to be closed");
    await other.sendPacket({ type: "pingreq" }, 5);
    assert.equal((await other.packet(5))?.type, "pingresp");
  }
  over = true;
  await Promise.all(dripping);
  other.close();
});

/** [what, the request, the status] */
const SMUGGLED: readonly (readonly [string, string, number])[] = [
  ["two Host lines", upgradeRequest(["Host: 127.0.0.1"]), 400],
  ["two Upgrade lines", upgradeRequest(["Upgrade: websocket"]), 400],
  ["a folded line", upgradeRequest(["X-A: b", " Host: evil"]), 400],
  [
    "Content-Length and Transfer-Encoding",
    upgradeRequest(["Content-Length: 0", "Transfer-Encoding: chunked"]),
    400,
  ],
  ["a bare line feed", upgradeRequest(["X-A: b\nHost: evil"]), 400],
  ["a bare carriage return", upgradeRequest(["X-A: b\rHost: evil"]), 400],
  ["bare line feeds only", upgradeRequest().replaceAll("\r\n", "\n"), 400],
  ["a blank before the colon", upgradeRequest(["Content-Length : 5"]), 400],
  ["another request behind it", upgradeRequest() + upgradeRequest(), 400],
];

for (const [what, request, status] of SMUGGLED) {
  Deno.test(`header smuggling: an upgrade with ${what} is answered ${status} and closed`, async () => {
    const client = await RawWebSocket.open(webPort, request.replace(/\n\n$/, "\n\r\n\r\n"));
    assert.equal(client.status, status, client.answer);
    assert.ok(!client.answer.includes("evil"));
    assert.equal(await client.frame().catch(() => undefined), undefined);
    client.close();
  });
}

Deno.test("decompression: permessage-deflate that is offered is not negotiated, and a compressed frame ends the connection", async () => {
  for (
    const offer of [
      "permessage-deflate",
      "permessage-deflate; client_max_window_bits, x-webkit-deflate-frame",
    ]
  ) {
    const client = await RawWebSocket.connect(webPort, [`Sec-WebSocket-Extensions: ${offer}`]);
    assert.equal(client.header("sec-websocket-extensions"), undefined);
    const payload = encode(connectOf(5, "deflated"), 5);
    await client.sendFrame({ opcode: 2, payload, reserved: 4 });
    assert.equal(await client.closed(), 1002);
  }
  assert.ok(!broker.log().some((line) => line["clientId"] === "deflated"));
});

Deno.test("nothing that was tried is a defect of the broker, and it serves", async () => {
  const client = await RawClient.connect(broker, 5, "last");
  await client.ping();
  await client.disconnect();
  const alarms = broker.log().filter(({ level, message }) =>
    level === "error" || /unhandled|defect/i.test(message)
  );
  assert.deepEqual(alarms, []);
});
