/**
 * Three brokers that are one: what clients of different nodes have of each other, and what is left of it when a
 * node or Redis dies. Real processes, a real Redis, stock clients.
 */

import assert from "node:assert/strict";
import { adminUrl, scrapeUntil } from "./administration.ts";
import { startBroker } from "./broker_process.ts";
import type { ClusterRig } from "./cluster_rig.ts";
import { idOf, startCluster, startRedis, withCluster } from "./cluster_rig.ts";
import type { JsClient } from "./mqttjs_client.ts";
import { connectJs, once } from "./mqttjs_client.ts";
import { connectOf, RawClient, text } from "./raw.ts";
import { freePort } from "../free_port.ts";
import { withAuthority } from "../transport/certificates.ts";
import { toolTest } from "./tools.ts";
import { PATIENCE, within } from "./within.ts";

/** A test that needs a Redis. */
const test = (title: string, fn: () => Promise<void>) => toolTest(["redis-server"], title, fn);

const KEPT = { clean: false, properties: { sessionExpiryInterval: 300 } } as const;
const RAW_KEPT = { cleanStart: false, properties: { sessionExpiryInterval: 300 } } as const;

/** One cluster for all tests that leave it whole; started by the first of them. */
let shared: Promise<ClusterRig> | undefined;
const cluster = () =>
  shared ??= startCluster(["a", "b", "c"], {
    cluster: { lease: 10 }, // nobody is to be given up on a machine that is busy with other tests
    config: { administrators: [{ user: undefined, clientId: "boss" }], admin: { port: 0 } },
  });
Deno.test.afterAll(async () => {
  const rig = await shared?.catch(() => undefined);
  if (rig === undefined) return;
  try {
    for (const name of [...rig.nodes.keys()]) await rig.stop(name);
  } finally {
    await rig.end();
  }
});

const payloads = (client: JsClient) => client.messages.map(({ payload }) => payload);

/** Looks again and again until it is as expected: what the broker publishes of itself comes by and by. */
async function until(check: () => void | Promise<void>): Promise<void> {
  const end = performance.now() + PATIENCE;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

for (const qos of [0, 1, 2] as const) {
  for (const stored of [false, true]) {
    test(`a message with QoS ${qos} comes from any node to any other when the session is ${stored ? "" : "not "}stored`, async () => {
      const { node } = await cluster();
      const topic = `pass/${qos}/${stored}`;
      const options = stored ? KEPT : {};
      for (const [from, to] of [["a", "b"], ["b", "a"], ["c", "c"]] as const) {
        const hearer = await connectJs(node(to).port, `${topic}/${to}`, options);
        await hearer.client.subscribeAsync([`${topic}/#`, `+/${qos}/+/x`], { qos: 2 });
        const talker = await connectJs(node(from).port, `${topic}/talker`);
        for (let i = 0; i < 20; i++) {
          await talker.client.publishAsync(`${topic}/${i}`, `${i}`, {
            qos,
            properties: { userProperties: { from } },
          });
        }
        const messages = await hearer.receive(20);
        assert.deepEqual(messages.map(({ payload, qos }) => [payload, qos]), numbers(20, qos));
        assert.equal(messages[0]!.properties?.userProperties?.from, from);
        await hearer.client.unsubscribeAsync([`${topic}/#`, `+/${qos}/+/x`]);
        await hearer.end();
        await talker.end();
        await forget(node(to).port, `${topic}/${to}`);
      }
    });
  }
}

function numbers(count: number, qos: number): readonly [string, number][] {
  return Array.from({ length: count }, (_, i) => [`${i}`, qos]);
}

/** Ends a session that would outlive the test. */
async function forget(port: number, clientId: string): Promise<void> {
  await (await connectJs(port, clientId, { clean: true })).end();
}

test("a retained message is there on every node, and gone on every node", async () => {
  const { node } = await cluster();
  const talker = await connectJs(node("a").port, "retainer");
  await talker.client.publishAsync("kept/x", "1", { qos: 1, retain: true });
  await talker.client.publishAsync("kept/y", "2", { qos: 1, retain: true });
  await talker.client.publishAsync("kept/y", "", { qos: 1, retain: true });
  for (const name of ["a", "b", "c"]) {
    const hearer = await connectJs(node(name).port, `hears-kept-${name}`);
    await hearer.client.subscribeAsync("kept/#", { qos: 1 });
    await talker.client.publishAsync("kept/end", name, { qos: 1 });
    const messages = await hearer.receive(2);
    assert.deepEqual(messages.map(({ topic, payload, retain }) => [topic, payload, retain]), [
      ["kept/x", "1", true],
      ["kept/end", name, false],
    ]);
    await hearer.end();
  }
  await talker.client.publishAsync("kept/x", "", { qos: 1, retain: true });
  await talker.end();
});

test("a Will reaches clients of other nodes when the link of its client breaks", async () => {
  const { node } = await cluster();
  const hearer = await connectJs(node("b").port, "heir");
  await hearer.client.subscribeAsync("wills/#", { qos: 2 });
  for (const qos of [0, 1, 2] as const) {
    const will = { topic: `wills/${qos}`, payload: Buffer.from(`${qos}`), qos, retain: false };
    const client = await connectJs(node("a").port, `mortal-${qos}`, { will });
    client.client.stream.destroy();
    const messages = await hearer.receive(qos + 1);
    assert.deepEqual([messages[qos]?.payload, messages[qos]?.qos], [`${qos}`, qos]);
  }
  await hearer.end();
});

test("a client that connects to another node is taken over with 0x8E, however often it does", async () => {
  const { node } = await cluster();
  const names = ["a", "b", "c", "a", "b"];
  let before: JsClient | undefined;
  for (const name of names) {
    const told = before && once(before.client, "disconnect");
    const client = await connectJs(node(name).port, "wanderer", KEPT);
    if (told !== undefined) {
      const [packet] = await told as [{ readonly reasonCode: number }];
      assert.equal(packet.reasonCode, 0x8e);
      assert.equal(client.connack.sessionPresent, true);
    }
    before = client;
  }
  await before!.end();
  await forget(node("c").port, "wanderer");
});

test("a session is found on another node with its subscriptions and its queue, in order", async () => {
  const { node } = await cluster();
  const first = await connectJs(node("a").port, "mover", KEPT);
  await first.client.subscribeAsync("move/#", { qos: 2 });
  await first.end();
  const talker = await connectJs(node("b").port, "mover-talker");
  for (let i = 0; i < 50; i++) {
    await talker.client.publishAsync(`move/${i}`, `${i}`, { qos: i % 2 === 0 ? 1 : 2 });
  }
  const second = await connectJs(node("c").port, "mover", KEPT);
  assert.equal(second.connack.sessionPresent, true);
  await talker.client.publishAsync("move/last", "50", { qos: 1 });
  const messages = await second.receive(51);
  // MQTT.js hands a message with QoS 2 over when PUBREL has come: of each QoS they are in order.
  for (const qos of [1, 2]) {
    assert.deepEqual(
      messages.filter((one) => one.qos === qos).map(({ payload }) => Number(payload)),
      [...Array(51).keys()].filter((number) => number % 2 === qos - 1),
    );
  }
  await second.end();
  await talker.end();
  await forget(node("a").port, "mover");
});

test("what is unacknowledged comes again on another node with its Packet Identifier, and a QoS 2 id is remembered", async () => {
  const { node } = await cluster();
  const talker = await RawClient.connect(node("b"), 5, "owed-talker", RAW_KEPT);
  const first = await RawClient.connect(node("a"), 5, "owed", RAW_KEPT);
  await first.subscribe("owed", 2);
  await talker.publish("owed", "one", { qos: 1 });
  await talker.expect("puback");
  const two = { qos: 2, packetId: 77 } as const;
  await talker.publish("owed", "two", two);
  assert.equal((await talker.expect("pubrec")).packetId, 77);
  const ids = [(await first.expect("publish")).packetId, (await first.expect("publish")).packetId];
  first.close();

  const elsewhere = await RawClient.open(node("c"), 5);
  assert.equal((await elsewhere.knock("owed", RAW_KEPT)).sessionPresent, true);
  const again = [await elsewhere.expect("publish"), await elsewhere.expect("publish")];
  assert.deepEqual(
    again.map(({ payload, dup, packetId }) => [text(payload), dup, packetId]),
    [["one", true, ids[0]], ["two", true, ids[1]]],
  );
  talker.close();
  const other = await RawClient.open(node("a"), 5);
  assert.equal((await other.knock("owed-talker", RAW_KEPT)).sessionPresent, true);
  await other.publish("owed", "two", { ...two, dup: true });
  assert.equal((await other.expect("pubrec")).packetId, 77);
  await elsewhere.ping(); // it was not routed again
  await elsewhere.disconnect();
  await other.disconnect();
  for (const id of ["owed", "owed-talker"]) await forget(node("b").port, id);
});

test("a message for a shared subscription goes to one member, wherever its members are", async () => {
  const { node } = await cluster();
  const members: JsClient[] = [];
  for (const [at, name] of ["a", "b", "b", "c"].entries()) {
    const member = await connectJs(node(name).port, `member-${at}`);
    await member.client.subscribeAsync("$share/g/work/#", { qos: 1 });
    members.push(member);
  }
  const count = 200;
  for (const name of ["a", "b", "c"]) {
    const talker = await connectJs(node(name).port, `boss-${name}`);
    const sent = Array.from(
      { length: count },
      (_, i) => talker.client.publishAsync(`work/${i}`, `${name}${i}`, { qos: 1 }),
    );
    await within(Promise.all(sent), "all PUBACKs");
    await talker.end();
  }
  await until(() => {
    assert.equal(members.flatMap(payloads).length, 3 * count);
  });
  const got = members.flatMap(payloads);
  assert.equal(new Set(got).size, 3 * count);
  for (const member of members) assert.ok(member.messages.length > 0, "a member got nothing");
  for (const member of members) await member.end();
});

test("a ban and a rule that one node was told of hold on the others", async () => {
  const { node } = await cluster();
  const boss = await connectJs(node("a").port, "boss");
  const eve = await connectJs(node("b").port, "eve");
  const gone = once(eve.client, "disconnect");
  await ask(boss, "bans/add", { kind: "clientId", value: "eve" });
  await gone;
  await until(() => assert.rejects(connectJs(node("c").port, "eve")));
  await ask(boss, "bans/remove", { kind: "clientId", value: "eve" });
  await until(async () => await (await connectJs(node("b").port, "eve")).end());
  await ask(boss, "limits/set", { name: "maximumKeepAlive", value: 77 });
  await until(async () => {
    const client = await connectJs(node("c").port, "keeper", { keepalive: 600 });
    await client.end();
    assert.equal(client.connack.properties?.serverKeepAlive, 77);
  });
  await boss.end();
});

/** Asks the services of a broker; the data of the reply. */
async function ask(client: JsClient, command: string, input: object): Promise<unknown> {
  const topic = `$CONTROL/dunlin/v1/${command}`;
  await client.client.subscribeAsync(`${topic}/response`, { qos: 1 });
  const before = client.messages.length;
  await client.client.publishAsync(topic, JSON.stringify(input), { qos: 1 });
  const [reply] = (await client.receive(before + 1)).slice(before);
  const { ok, data, error } = JSON.parse(reply!.payload);
  assert.ok(ok, JSON.stringify(error));
  return data;
}

test("$SYS, metrics and health tell how the cluster stands, and the tables of all nodes come to the same", async () => {
  const { node, nodes } = await cluster();
  const keeper = await connectJs(node("a").port, "summed", KEPT);
  await keeper.client.subscribeAsync(["sum/#", "$share/s/sum"], { qos: 1 });
  await keeper.client.publishAsync("sum/kept", "1", { qos: 1, retain: true });
  const below = "$SYS/broker/cluster";
  const looks = new Map<
    string,
    { readonly client: JsClient; readonly of: (t: string) => string }
  >();
  for (const [name, { port }] of nodes) {
    const client = await connectJs(port, `looks-at-${name}`);
    await client.client.subscribeAsync(`${below}/#`);
    const of = (topic: string) =>
      client.messages.findLast((one) => one.topic === `${below}/${topic}`)?.payload ?? "";
    looks.set(name, { client, of });
  }
  await until(() => {
    const sums = new Set(Array.from(looks.values(), ({ of }) => of("checksum")));
    assert.equal(sums.size, 1, [...sums].join(" "));
    assert.match([...sums][0]!, /^(?!0{16})[0-9a-f]{16}\.(?!0{16})[0-9a-f]{16}\.[0-9a-f]{16}$/);
  });
  const ids = ["a", "b", "c"].map((name) => idOf(node(name)));
  for (const [name, { client, of }] of looks) {
    assert.deepEqual([of("name"), of("node")], [name, idOf(node(name))]);
    assert.deepEqual([of("nodes/count"), of("reachable")], ["3", "true"]);
    assert.deepEqual(JSON.parse(of("nodes")).toSorted(), ids.toSorted());
    await scrapeUntil(node(name), (series) => {
      assert.equal(series("cluster_nodes"), 3);
      assert.equal(series("cluster_reachable"), 1);
    });
    const ready = await fetch(adminUrl(node(name), "/health/ready"));
    assert.deepEqual([ready.status, await ready.json()], [200, { ready: true, reasons: [] }]);
    await client.end();
  }
  await keeper.client.publishAsync("sum/kept", "", { qos: 1, retain: true });
  await keeper.end();
  await forget(node("b").port, "summed");
});

test("a node that is killed is buried: its Wills come once, its sessions and their queues are found elsewhere", async () => {
  await withCluster(["a", "b", "c"], {}, async ({ node, kill, start }) => {
    const hearer = await connectJs(node("b").port, "hearer", KEPT);
    await hearer.client.subscribeAsync(["dead/#", "will/#"], { qos: 2 });
    const will = { topic: "will/now", payload: Buffer.from("w"), qos: 1, retain: false } as const;
    const mortal = await connectJs(node("a").port, "mortal", { ...KEPT, will });
    await mortal.client.subscribeAsync("dead/#", { qos: 1 });
    mortal.client.on("error", () => {});
    await kill("a");
    const talker = await connectJs(node("c").port, "talker");
    for (let i = 0; i < 20; i++) {
      await talker.client.publishAsync(`dead/${i}`, `${i}`, { qos: 1 });
    }
    const back = await connectJs(node("c").port, "mortal", KEPT);
    assert.equal(back.connack.sessionPresent, true);
    await back.receive(20);
    assert.deepEqual(payloads(back), numbers(20, 0).map(([payload]) => payload));
    await hearer.receive(21);
    await start("a");
    await talker.client.publishAsync("dead/end", "end", { qos: 1 });
    const all = await hearer.receive(22);
    assert.equal(all.filter(({ topic }) => topic === "will/now").length, 1);
    assert.deepEqual(
      all.filter(({ topic }) => topic !== "will/now").map(({ payload }) => payload),
      [...numbers(20, 0).map(([payload]) => payload), "end"],
    );
    for (const client of [hearer, back, talker]) await client.end();
  });
});

test("a node that was paused for longer than its lease ends with words, and comes back as a new one", async () => {
  await withCluster(["a", "b"], {}, async ({ node, start, ended }) => {
    const client = await connectJs(node("a").port, "sleeper", KEPT);
    await client.client.subscribeAsync("sleep", { qos: 1 });
    const { pid } = node("a");
    const id = idOf(node("a"));
    Deno.kill(pid, "SIGSTOP");
    await node("b").logged(({ gone }) => gone === id, "the other node to bury it");
    const elsewhere = await connectJs(node("b").port, "sleeper", KEPT);
    assert.equal(elsewhere.connack.sessionPresent, true);
    const logged = node("a").logged(({ message }) => message.startsWith("ending"), "its words");
    Deno.kill(pid, "SIGCONT");
    await logged;
    assert.equal(await ended("a"), "exit status 4, signal null");
    const again = await start("a");
    assert.notEqual(idOf(again), id);
    const talker = await connectJs(again.port, "talker");
    await talker.client.publishAsync("sleep", "1", { qos: 1 });
    await elsewhere.receive(1);
    await talker.end();
    await elsewhere.end();
  });
});

test("while Redis is away QoS 0 goes on, QoS 1 waits and nobody new is let in; then all goes on by itself", async () => {
  await withCluster(["a", "b"], { config: { admin: { port: 0 } } }, async ({ redis, node }) => {
    const hearer = await connectJs(node("b").port, "hearer", KEPT);
    await hearer.client.subscribeAsync("away/#", { qos: 1 });
    const local = await connectJs(node("a").port, "local");
    await local.client.subscribeAsync("here/#", { qos: 0 });
    const talker = await connectJs(node("a").port, "talker");
    await talker.client.publishAsync("away/1", "1", { qos: 1 });
    await hearer.receive(1);
    await redis.kill();
    await node("a").logged(
      ({ message }) => message.includes("cannot be reached"),
      "that it is away",
    );
    let acknowledged = false;
    const waiting = talker.client.publishAsync("away/2", "2", { qos: 1 })
      .then(() => acknowledged = true);
    await local.client.publishAsync("here/1", "1");
    await local.receive(1);
    const refused = await RawClient.open(node("a"), 5);
    assert.equal((await refused.knock("new", RAW_KEPT)).reasonCode, 0x88);
    refused.close();
    assert.equal(acknowledged, false);
    const ready = await fetch(adminUrl(node("a"), "/health/ready"));
    assert.deepEqual([ready.status, (await ready.json()).reasons], [503, ["storeUnreachable"]]);
    const live = await fetch(adminUrl(node("a"), "/health/live"));
    assert.equal((await live.json()).live, true);
    await redis.start();
    await within(waiting, "the PUBACK");
    await hearer.receive(2);
    assert.deepEqual(payloads(hearer), ["1", "2"]);
    for (const name of ["a", "b"]) {
      await node(name).logged(({ message }) => message.endsWith("reached again"), "it is back");
    }
    const late = await connectJs(node("b").port, "new", KEPT);
    for (const client of [late, hearer, local, talker]) await client.end();
  });
});

test("a CONNECT waits for Redis when the configuration says so", async () => {
  const cluster = { whenUnreachable: "wait", claimTimeout: 60 };
  await withCluster(["a"], { cluster }, async ({ redis, node }) => {
    const first = await connectJs(node("a").port, "first");
    await redis.kill();
    await node("a").logged(
      ({ message }) => message.includes("cannot be reached"),
      "that it is away",
    );
    const client = await RawClient.open(node("a"), 5);
    await client.send(connectOf(5, "waits", RAW_KEPT));
    await first.client.publishAsync("x", "1");
    await redis.start();
    assert.equal((await client.expect("connack")).reasonCode, 0);
    await client.disconnect();
    await first.end();
  });
});

test("nodes are restarted one after the other without the loss of a message that was acknowledged", async () => {
  await withCluster(["a", "b"], {}, async (rig) => {
    const sent: string[] = [];
    const first = await connectJs(rig.node("b").port, "roller", KEPT);
    await first.client.subscribeAsync("roll/#", { qos: 1 });
    const got = new Set<string>();
    const note = (client: JsClient) => payloads(client).forEach((payload) => got.add(payload));
    let hearer = first;
    for (const name of ["a", "b", "a"]) {
      const other = name === "a" ? "b" : "a";
      const talker = await connectJs(rig.node(other).port, `talker-${other}`);
      const publish = async (count: number) => {
        for (let i = 0; i < count; i++) {
          const payload = `${sent.length}`;
          await talker.client.publishAsync(`roll/${payload}`, payload, { qos: 1 });
          sent.push(payload);
        }
      };
      await publish(20);
      const stopping = rig.stop(name);
      await publish(20);
      await stopping;
      note(hearer);
      await hearer.end().catch(() => {});
      hearer = await connectJs(rig.node(other).port, "roller", KEPT);
      assert.equal(hearer.connack.sessionPresent, true);
      await publish(20);
      await rig.start(name);
      await talker.end();
    }
    await until(() => {
      note(hearer);
      assert.deepEqual(sent.filter((payload) => !got.has(payload)), []);
    });
    await hearer.end();
  });
});

test("clients, groups and roles that one node was told of hold on the others, and after all were restarted", async () => {
  const config = { dynamicSecurity: { adminPassword: "secret" } };
  await withCluster(["a", "b"], { config }, async ({ node, stop, start }) => {
    const login = (name: string, username: string, password: string) =>
      connectJs(node(name).port, `${username}-at-${name}`, { username, password });
    const boss = await login("a", "admin", "secret");
    await manage(boss, [
      {
        command: "createRole",
        rolename: "r",
        acls: [acl("publishClientSend"), acl("subscribePattern")],
      },
      { command: "createClient", username: "ana", password: "1", roles: [{ rolename: "r" }] },
    ]);
    await until(async () => await (await login("b", "ana", "1")).end());
    const ana = await login("b", "ana", "1");
    const other = await login("b", "admin", "secret");
    const gone = once(ana.client, "close");
    await manage(other, [{ command: "disableClient", username: "ana" }]);
    await gone;
    await until(() => assert.rejects(login("a", "ana", "1")));
    await manage(boss, [{ command: "enableClient", username: "ana" }, {
      command: "setClientPassword",
      username: "ana",
      password: "2",
    }]);
    await until(async () => await (await login("b", "ana", "2")).end());
    await assert.rejects(login("b", "ana", "1"));
    await boss.end();
    await other.end();
    await stop("a");
    await stop("b");
    await start("b");
    await (await login("b", "ana", "2")).end();
  });
});

const acl = (acltype: string) => ({ acltype, topic: "#", priority: 0, allow: true });

/** Asks dynamic security; every command has to be performed. */
async function manage(client: JsClient, commands: readonly object[]): Promise<void> {
  const topic = "$CONTROL/dynamic-security/v1";
  await client.client.subscribeAsync(`${topic}/response`, { qos: 1 });
  const before = client.messages.length;
  await client.client.publishAsync(topic, JSON.stringify({ commands }), { qos: 1 });
  const [reply] = (await client.receive(before + 1)).slice(before);
  const { responses } = JSON.parse(reply!.payload);
  const errors = responses.filter(({ error }: { error?: string }) => error !== undefined);
  assert.deepEqual(errors, []);
}

toolTest(
  ["redis-server", "openssl"],
  "nodes reach a Redis over TLS with a name and a password, and say so where they cannot",
  () =>
    withAuthority(async (authority) => {
      const server = await authority.issue("redis", { names: "DNS:localhost,IP:127.0.0.1" });
      const port = freePort();
      const redis = await startRedis([
        ...["--tls-port", `${port}`, "--tls-ca-cert-file", authority.certificate],
        ...["--tls-cert-file", server.certificate, "--tls-key-file", server.key],
        ...["--user", "dunlin", "on", ">geheim", "~*", "&*", "+@all"],
      ]);
      const own = await authority.issue("node");
      const tls = { ca: authority.certificate, certificate: own.certificate, key: own.key };
      const section = { url: `rediss://127.0.0.1:${port}`, tls, startTimeout: 1 };
      try {
        const user = { username: "dunlin", password: "geheim" };
        const patient = { ...section, ...user, startTimeout: 20 };
        const broker = await startBroker({ store: { redis: patient } });
        const client = await connectJs(broker.port, "x", KEPT);
        await client.end();
        await broker.stop();
        const wrong = { ...user, password: "falsch" };
        const refused = await second({ store: { redis: { ...section, ...wrong } } });
        assert.equal(refused.success, false);
        assert.match(refused.stderr, /dunlin: Redis .*(WRONGPASS|password)/);
        assert.doesNotMatch(refused.stderr, /falsch/);
        for (
          const other of [
            { ...tls, ca: own.certificate }, // which has not signed the server's
            { ...tls, serverName: "elsewhere" },
          ]
        ) {
          const doubted = { ...section, ...user, tls: other };
          const { success, stderr } = await second({ store: { redis: doubted } });
          assert.deepEqual([success, /dunlin: Redis cannot be reached/.test(stderr)], [
            false,
            true,
          ]);
        }
        const named = { ...patient, tls: { ...tls, serverName: "localhost" } };
        await (await startBroker({ store: { redis: named } })).stop();
        const plain = { tls: undefined, url: `redis://127.0.0.1:${port}`, startTimeout: 1 };
        const unreached = await second({ store: { redis: { ...plain, ...user } } });
        assert.equal(unreached.success, false);
        assert.match(unreached.stderr, /dunlin: Redis cannot be reached/);
      } finally {
        await redis.end();
      }
    }),
);

toolTest(
  ["redis-server"],
  "a broker that keeps everything in Redis finds it again, and a second one is refused",
  async () => {
    const redis = await startRedis();
    const config = { store: { redis: { url: redis.url } } };
    try {
      const first = await startBroker(config);
      const client = await connectJs(first.port, "only", KEPT);
      await client.client.subscribeAsync("only/#", { qos: 1 });
      await client.end();
      const { success, stderr } = await second(config);
      assert.equal(success, false);
      assert.match(stderr, /dunlin: .*another broker/);
      assert.match(stderr, /keyPrefix/);
      const node = await second({ ...config, cluster: { name: "a" } });
      assert.equal(node.success, false);
      assert.match(node.stderr, /dunlin: .*another broker/);
      const elsewhere = await startBroker({
        store: { redis: { url: redis.url, keyPrefix: "two" } },
      });
      const stranger = await connectJs(elsewhere.port, "only", KEPT);
      assert.equal(stranger.connack.sessionPresent, false);
      await stranger.end();
      await elsewhere.stop();
      const talker = await connectJs(first.port, "talker");
      await talker.client.publishAsync("only/1", "1", { qos: 1 });
      await talker.end();
      Deno.kill(first.pid, "SIGKILL"); // its successor waits for the end of its lease
      await first.ended();
      const again = await startBroker(config);
      const back = await connectJs(again.port, "only", KEPT);
      assert.equal(back.connack.sessionPresent, true);
      await back.receive(1);
      await back.end();
      await again.stop();
    } finally {
      await redis.end();
    }
  },
);

/** Starts a broker that is to end by itself. */
async function second(config: object): Promise<{ success: boolean; stderr: string }> {
  try {
    const broker = await startBroker({ ...config });
    await broker.stop();
    return { success: true, stderr: "" };
  } catch (error) {
    return { success: false, stderr: error instanceof Error ? error.message : String(error) };
  }
}
