/** Another configuration for a broker that runs: in one process, with real sockets and a real file. */

import assert from "node:assert/strict";
import { formatPasswordHash, hashPassword } from "../../src/authentication/password_hash.ts";
import { loadConfig } from "../../src/server/config.ts";
import { system } from "../../src/server/config_system.ts";
import type { ReloadResult } from "../../src/server/reload.ts";
import { start } from "../../src/server/start.ts";
import { RawClient, text } from "../end_to_end/raw.ts";
import { freePort } from "../free_port.ts";
import { applied, farewell, tcp, USUAL, withBroker } from "./reload_rig.ts";

/** Fails unless the reload was refused for that reason. */
function refused(result: ReloadResult, ...reasons: readonly RegExp[]): void {
  assert.equal(result.applied, false);
  assert.equal(result.problems.length, reasons.length, result.problems.join("\n"));
  for (const [at, reason] of reasons.entries()) assert.match(result.problems[at]!, reason);
}

async function isOpen(where: { readonly port: number }): Promise<boolean> {
  try {
    (await RawClient.open(where, 5)).close();
    return true;
  } catch (error) {
    assert.ok(error instanceof Deno.errors.ConnectionRefused, String(error));
    return false;
  }
}

Deno.test("reload() keeps connections when other listeners and limits change", async () => {
  await withBroker({ listeners: [tcp("a"), tcp("b")] }, async ({ reload, port, server }) => {
    const here = await RawClient.connect(port(0), 5, "here");
    await here.subscribe("t", 1);
    const before = [...server.addresses];
    const changes = applied(
      await reload({
        listeners: [tcp("a"), tcp("b", { versions: ["5.0"] }), tcp("c")],
        limits: { receiveMaximum: 5, maximumPacketSize: 2_000 },
      }),
    );
    assert.deepEqual(changes.toSorted(), [
      "limits.maximumPacketSize",
      "limits.receiveMaximum",
      "listeners.b.versions",
      "listeners.c",
    ]);
    assert.deepEqual(server.addresses.slice(0, 2), before);
    const there = await RawClient.open(port(2), 5);
    const { properties } = await there.knock("there");
    assert.deepEqual([properties?.receiveMaximum, properties?.maximumPacketSize], [5, 2_000]);
    await there.publish("t", "hello", { qos: 1 });
    await there.expect("puback");
    assert.equal(text((await here.expect("publish")).payload), "hello");
    const old = await RawClient.open(port(1), 4);
    assert.equal((await old.knock("old")).reasonCode, 0x84);
    old.close();
    there.close();
    here.close();
  });
});

Deno.test("reload() keeps to what connected clients were told when limits are lowered", async () => {
  await withBroker({ listeners: [tcp("a")] }, async ({ reload, port }) => {
    const early = await RawClient.connect(port(0), 5, "early");
    const opened = await RawClient.open(port(0), 5);
    await early.ping(); // a link that was opened before it has been accepted by then, too
    applied(
      await reload({
        listeners: [tcp("a")],
        sharedSubscriptions: false,
        limits: { receiveMaximum: 1, topicAliasMaximum: 1, maximumPacketSize: 1_000 },
      }),
    );
    const announced = [256, 32, 1_048_576];
    const { properties } = await opened.knock("opened");
    const { receiveMaximum, topicAliasMaximum, maximumPacketSize } = properties!;
    assert.deepEqual([receiveMaximum, topicAliasMaximum, maximumPacketSize], announced);
    for (const client of [early, opened]) {
      await client.publish("t", "x".repeat(50_000), { properties: { topicAlias: 32 } });
      for (let count = 0; count < 9; count++) await client.publish("t", "m", { qos: 2 });
      for (let count = 0; count < 9; count++) await client.expect("pubrec");
      assert.deepEqual(await client.subscribe("$share/g/t", 0), [0]);
      await client.ping();
    }
    const late = await RawClient.connect(port(0), 5, "late");
    assert.deepEqual(await late.subscribe("$share/g/t", 0), [0x9e]);
    await late.publish("t", "m", { properties: { topicAlias: 2 } });
    assert.match(await farewell(late), /^0x94 /);
    early.close();
    opened.close();
  });
});

Deno.test("reload() sends 0x98 to clients of a listener that is removed, and to nobody else", async () => {
  await withBroker({ listeners: [tcp("a"), tcp("b")] }, async ({ reload, port }) => {
    const stays = await RawClient.connect(port(0), 5, "stays");
    const gone = port(1);
    const goes = await RawClient.connect(gone, 5, "goes");
    const old = await RawClient.connect(gone, 4, "old");
    const silent = await RawClient.open(gone, 5);
    await old.ping();
    applied(await reload({ listeners: [tcp("a")] }));
    assert.equal(await farewell(goes), '0x98 its listener "b" has been removed');
    await old.ended();
    await silent.ended();
    assert.equal(await isOpen(gone), false);
    await stays.ping();
    stays.close();
  });
});

Deno.test("reload() has a session go on over another listener when its own is moved to another port", async () => {
  const port = freePort();
  await withBroker({ listeners: [tcp("a"), { ...tcp("x"), port }] }, async ({ reload, ...rig }) => {
    const more = { cleanStart: false, properties: { sessionExpiryInterval: 600 } };
    const client = await RawClient.connect({ port }, 5, "pump", more);
    await client.subscribe("t", 1);
    const other = freePort();
    applied(await reload({ listeners: [tcp("a"), { ...tcp("x"), port: other }] }));
    assert.match(await farewell(client), /^0x98 /);
    assert.equal(await isOpen({ port }), false);
    const publisher = await RawClient.connect(rig.port(0), 5, "publisher");
    await publisher.publish("t", "kept", { qos: 1 });
    await publisher.expect("puback");
    const again = await RawClient.connect({ port: other }, 5, "pump", more);
    assert.equal(text((await again.expect("publish")).payload), "kept");
    again.close();
    publisher.close();
  });
});

Deno.test("reload() has another listener serve the same port without closing it when only the type changes", async () => {
  await withBroker({ listeners: [{ ...tcp("x"), port: freePort() }] }, async (rig) => {
    const here = rig.port(0);
    const client = await RawClient.connect(here, 5, "pump");
    applied(await rig.reload({ listeners: [{ ...tcp("x"), ...here, type: "websocket" }] }));
    assert.match(await farewell(client), /^0x98 /);
    const answer = await fetch(`http://127.0.0.1:${here.port}/other`);
    await answer.body?.cancel();
    assert.equal(answer.status, 404);
    applied(await rig.reload({ listeners: [{ ...tcp("y"), ...here }] }));
    const again = await RawClient.connect(here, 5, "pump");
    await again.ping();
    again.close();
  });
});

Deno.test("reload() has a listener make room when another one is to have its port on all addresses", async () => {
  const port = freePort();
  await withBroker({ listeners: [{ ...tcp("x"), port }] }, async ({ reload }) => {
    const client = await RawClient.connect({ port }, 5, "pump");
    const all = { ...tcp("all"), port, address: "0.0.0.0", allowAnonymous: true };
    applied(await reload({ listeners: [all] }));
    assert.match(await farewell(client), /^0x98 /);
    const again = await RawClient.connect({ port }, 5, "pump");
    await again.ping();
    again.close();
  });
});

Deno.test("reload() has who made room listen again when another one still cannot listen", async () => {
  const everywhere = { address: "0.0.0.0", allowAnonymous: true };
  const one = { ...tcp("one"), port: freePort() };
  const taken = Deno.listen({ hostname: "127.0.0.2", port: freePort() });
  const two = { ...tcp("two"), port: (taken.addr as Deno.NetAddr).port };
  await withBroker({ listeners: [one, two] }, async ({ reload }) => {
    const clients: RawClient[] = [];
    const dial = async (as: string) => {
      for (const where of [one, two]) {
        clients.push(await RawClient.connect(where, 5, `${as} ${where.name}`));
      }
    };
    await dial("at");
    const listeners = [
      { ...one, ...everywhere, name: "all of one" },
      { ...two, ...everywhere, name: "all of two" },
    ];
    refused(await reload({ listeners }), /^listener "all of two" cannot listen: .*in use/);
    await dial("again at");
    for (const client of clients) {
      await client.ping();
      client.close();
    }
    taken.close();
    applied(await reload({ listeners }));
    for (const where of [one, two]) (await RawClient.connect(where, 5, "pump")).close();
  });
});

Deno.test("reload() changes nothing when a new listener cannot listen", async () => {
  await withBroker({ listeners: [tcp("a"), tcp("b")] }, async ({ reload, port, server }) => {
    const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const client = await RawClient.connect(port(1), 5, "pump");
    const before = [...server.addresses];
    const result = await reload({
      access: [{ permission: "deny", topics: ["#"] }],
      listeners: [
        tcp("a", { allowAnonymous: false }),
        tcp("new"),
        { ...tcp("c"), port: (taken.addr as Deno.NetAddr).port },
      ],
    });
    refused(result, /^listener "c" cannot listen: .*in use/);
    taken.close();
    assert.deepEqual(server.addresses, before);
    assert.deepEqual(await client.subscribe("t", 0), [0]);
    const other = await RawClient.connect(port(0), 5, "other");
    await other.publish("t", "m");
    await client.expect("publish");
    other.close();
    client.close();
    // What was refused is not half of it there: the same without what was wrong works.
    applied(await reload({ listeners: [tcp("a"), tcp("b")], sysInterval: 5 }));
  });
});

Deno.test("reload() says all that is wrong and changes nothing when the file is broken", async () => {
  const users = "passwords that are none\n";
  await withBroker({ listeners: [tcp("a")] }, async ({ reload, port, directory }) => {
    const client = await RawClient.connect(port(0), 5, "pump");
    refused(
      await reload({ listeners: [tcp("a")], limits: { receiveMaximum: 0 }, sysIntervall: 5 }),
      /dunlin\.json:\d+:\d+: error: limits\.receiveMaximum: found 0/,
      /sysIntervall.*did you mean sysInterval/,
    );
    await Deno.writeTextFile(`${directory}/users`, users);
    const listeners = [{ ...tcp("a"), type: "tls", certificate: "none.pem", key: "none.key" }];
    const passwordFile = { file: `${directory}/users` };
    const result = await reload({ listeners, authentication: { passwordFile } });
    assert.equal(result.applied, false);
    const words = result.problems.join("\n");
    assert.match(words, /users:1/);
    assert.match(words, /none\.pem/);
    assert.match(words, /none\.key/);
    await Deno.writeTextFile(`${directory}/dunlin.json`, "{");
    const half = await reload({ listeners: 5 });
    assert.equal(half.applied, false);
    await client.ping();
    client.close();
  });
});

Deno.test("reload() says what needs a restart, and the rest holds", async () => {
  await withBroker({ listeners: [tcp("a")] }, async ({ reload, port }) => {
    const next = { listeners: [tcp("a")], store: "denoKv", data: "./x", queueQos0: true };
    for (let count = 0; count < 2; count++) { // and says it again
      const result = await reload(next);
      assert.equal(result.applied, true);
      assert.deepEqual(result.needRestart.toSorted(), ["data", "store"]);
      const rest = result.changes.map(({ key }) => key).filter((key) => key === "queueQos0");
      assert.equal(rest.length, count === 0 ? 1 : 0);
    }
    const more = { cleanStart: false, properties: { sessionExpiryInterval: 600 } };
    const client = await RawClient.connect(port(0), 5, "pump", more);
    await client.subscribe("t", 0);
    await client.disconnect();
    const publisher = await RawClient.connect(port(0), 5, "publisher");
    await publisher.publish("t", "kept");
    await publisher.ping();
    const again = await RawClient.connect(port(0), 5, "pump", more);
    assert.equal(text((await again.expect("publish")).payload), "kept");
    again.close();
    publisher.close();
  });
});

Deno.test("reload() has rules of access hold at once for connected clients and their subscriptions", async () => {
  const listeners = [tcp("a")];
  await withBroker({ listeners }, async ({ reload, port }) => {
    const sub = await RawClient.connect(port(0), 5, "sub");
    const pub = await RawClient.connect(port(0), 5, "pub");
    await sub.subscribe("#", 1);
    const say = async (topic: string) => {
      await pub.publish(topic, topic, { qos: 1 });
      return (await pub.expect("puback")).reasonCode;
    };
    assert.deepEqual([await say("open/1"), await say("closed/1")], [0, 0]);
    for (const topic of ["open/1", "closed/1"]) {
      assert.equal((await sub.expect("publish")).topic, topic);
    }
    const deny = (action: string, topics: string[]) => ({ permission: "deny", action, topics });
    const access = [
      deny("publish", ["secret/#"]),
      deny("receive", ["closed/#"]),
      deny("subscribe", ["closed/#"]),
      { permission: "allow" },
    ];
    applied(await reload({ listeners, access }));
    // It keeps the subscription, and gets by it only what it may have.
    const noSubscribers = 0x10;
    const codes = [await say("secret/1"), await say("closed/2"), await say("open/2")];
    assert.deepEqual(codes, [0x87, noSubscribers, 0]);
    assert.equal((await sub.expect("publish")).topic, "open/2");
    assert.deepEqual(await sub.subscribe("closed/#", 1), [0x87]);
    applied(await reload({ listeners }));
    assert.equal(await say("closed/3"), 0);
    assert.equal((await sub.expect("publish")).topic, "closed/3");
    sub.close();
    pub.close();
  });
});

Deno.test("reload() has another authentication hold for who comes from then on", async () => {
  const listeners = [tcp("a")];
  const user = (password: string) => ({
    username: "ada",
    password: new TextEncoder().encode(password),
  });
  await withBroker({ listeners }, async ({ reload, port, directory }) => {
    const anonymous = await RawClient.connect(port(0), 5, "anonymous");
    const file = `${directory}/users`;
    const hash = await hashPassword(new TextEncoder().encode("right"), 1_000);
    await Deno.writeTextFile(file, `ada:${formatPasswordHash(hash)}\n`);
    applied(
      await reload({
        listeners: [tcp("a", { allowAnonymous: false })],
        authentication: { passwordFile: { file } },
        limits: { failureDelay: 0 },
      }),
    );
    await anonymous.ping();
    const codes: number[] = [];
    for (const [id, more] of [["ada", user("right")], ["eve", user("x")], ["me", {}]] as const) {
      const client = await RawClient.open(port(0), 5);
      codes.push((await client.knock(id, more)).reasonCode);
      client.close();
    }
    assert.deepEqual(codes, [0, 0x86, 0x87]);
    applied(await reload({ listeners }));
    const again = await RawClient.connect(port(0), 5, "again");
    for (const client of [anonymous, again]) await client.ping();
    for (const client of [anonymous, again]) client.close();
  });
});

Deno.test("reload() asks an authentication server again only when something about who comes in is new", async () => {
  let asked = 0;
  const answers = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    asked += 1;
    return new Response(null, { status: 204 });
  });
  const http = { url: `http://127.0.0.1:${answers.addr.port}/`, cache: 60 };
  const value = { listeners: [tcp("a")], authentication: { http } };
  await withBroker(value, async ({ reload, port }) => {
    const come = async () => {
      const password = new TextEncoder().encode("x");
      (await RawClient.connect(port(0), 5, "pump", { username: "ada", password })).close();
      return asked;
    };
    assert.deepEqual([await come(), await come()], [1, 1]);
    applied(await reload({ ...value, queueQos0: true }));
    assert.equal(await come(), 1);
    applied(await reload({ ...value, authentication: { http: { ...http, cache: 61 } } }));
    assert.deepEqual([await come(), await come()], [2, 2]);
  });
  await answers.shutdown();
});

Deno.test("reload() keeps bans, and lets fewer in when limits say so", async () => {
  const listeners = [tcp("a")];
  await withBroker({ listeners }, async ({ reload, port, server }) => {
    const now = performance.timeOrigin + performance.now();
    server.bans.add({ kind: "clientId", value: "bad", until: Infinity, reason: "" }, now);
    applied(await reload({ listeners: [tcp("a", { maximumConnections: 2 })] }));
    const bad = await RawClient.open(port(0), 5);
    assert.equal((await bad.knock("bad")).reasonCode, 0x8a);
    await bad.ended();
    const first = await RawClient.connect(port(0), 5, "first");
    const second = await RawClient.connect(port(0), 5, "second");
    const third = await RawClient.open(port(0), 5);
    await third.ended();
    for (const client of [first, second]) client.close();
  });
});

Deno.test("reload() does one after another, and whoever asks meanwhile gets what is there after that", async () => {
  await withBroker({ listeners: [tcp("a")] }, async ({ write, server }) => {
    write({ listeners: [tcp("a"), tcp("b")] });
    const results = [server.reload(), server.reload(), server.reload()];
    write({ listeners: [tcp("a"), tcp("b"), tcp("c")] });
    const [first, second, third] = await Promise.all(results);
    assert.deepEqual(applied(first!), ["listeners.b"]);
    assert.deepEqual(applied(second!), ["listeners.c"]);
    assert.equal(third, second);
    assert.equal(server.addresses.length, 3);
    assert.deepEqual(applied(await server.reload()), []);
  });
});

Deno.test("reload() changes nothing and opens nothing when it is only to say what would change", async () => {
  await withBroker({ listeners: [tcp("a")] }, async ({ write, server }) => {
    write({ listeners: [tcp("a"), tcp("b")], data: "./x" });
    for (let count = 0; count < 2; count++) {
      const { applied, changes, needRestart, problems } = await server.reload({ dryRun: true });
      assert.deepEqual([applied, needRestart, problems], [false, ["data"], []]);
      assert.deepEqual(changes.map(({ key }) => key).toSorted(), ["data", "listeners.b"]);
      assert.equal(server.addresses.length, 1);
    }
    write({ listeners: 5 });
    refused(await server.reload({ dryRun: true }), /listeners: found 5/);
  });
});

Deno.test("reload() says why when the broker was not started from a file, or is being stopped", async () => {
  const { config } = loadConfig({
    ...system,
    text: JSON.stringify({ ...USUAL, listeners: [tcp("a")] }),
  });
  const server = await start(config!, Deno.execPath());
  refused(await server.reload(), /in no file/);
  await server.stop();
  let reloading: Promise<ReloadResult>;
  await withBroker({ listeners: [tcp("a")] }, ({ server }) => {
    reloading = server.reload();
    return Promise.resolve();
  });
  refused(await reloading!, /being stopped/);
});

Deno.test("reload() opens nothing any more when the broker has been stopped", async () => {
  const port = freePort();
  await withBroker({ listeners: [{ ...tcp("a"), port }] }, async ({ reload, server }) => {
    await server.stop();
    const other = { ...tcp("a"), port, address: "0.0.0.0" };
    refused(await reload({ listeners: [other] }), /the broker is being stopped/);
    await new Promise((resolve) => setTimeout(resolve, 20)); // until the system has closed the first one
    assert.equal(await isOpen({ port }), false);
  });
});
