/**
 * Management of a cluster as administrators meet it: whichever node they ask, and by whichever way, the answer is
 * about all of it. Real processes, a real Redis.
 */

import assert from "node:assert/strict";
import { formatPasswordHash, hashPassword } from "../../src/authentication/password_hash.ts";
import { runDunlin } from "../run_program.ts";
import { adminUrl } from "./administration.ts";
import type { BrokerProcess } from "./broker_process.ts";
import type { ClusterRig } from "./cluster_rig.ts";
import { idOf, startCluster } from "./cluster_rig.ts";
import type { JsClient } from "./mqttjs_client.ts";
import { connectJs, once } from "./mqttjs_client.ts";
import { toolTest } from "./tools.ts";
import { within } from "./within.ts";

// deno-lint-ignore no-explicit-any
type Reply = any;
type Input = Readonly<Record<string, unknown>>;

const ADMIN = { username: "ada", password: "good" } as const;
const KEPT = { clean: false, properties: { sessionExpiryInterval: 300 } } as const;

/** Two nodes with an administrator; `lease` in seconds. */
async function withNodes(
  lease: number,
  work: (rig: ClusterRig, a: BrokerProcess, b: BrokerProcess) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-managed-cluster-" });
  const hash = await hashPassword(new TextEncoder().encode(ADMIN.password), 1_000);
  await Deno.writeTextFile(
    `${directory}/passwords`,
    `${ADMIN.username}:${formatPasswordHash(hash)}\n`,
  );
  const rig = await startCluster(["a", "b"], {
    cluster: { lease },
    config: {
      administrators: [{ user: ADMIN.username }],
      authentication: { passwordFile: { file: `${directory}/passwords` } },
      listeners: [{ type: "tcp", port: 0, allowAnonymous: true }],
      admin: { port: 0, management: true },
    },
  });
  try {
    await work(rig, rig.node("a"), rig.node("b"));
    for (const name of [...rig.nodes.keys()]) await rig.stop(name);
  } finally {
    await rig.end();
    await Deno.remove(directory, { recursive: true });
  }
}

function test(
  title: string,
  work: (rig: ClusterRig, a: BrokerProcess, b: BrokerProcess) => Promise<void>,
  lease = 2,
) {
  toolTest(["redis-server"], title, () => withNodes(lease, work));
}

async function overHttp(node: BrokerProcess, command: string, input: Input = {}): Promise<Reply> {
  const response = await fetch(adminUrl(node, `/api/v1/${command}`), {
    method: "POST",
    headers: {
      authorization: `Basic ${btoa(`${ADMIN.username}:${ADMIN.password}`)}`,
      "content-type": "application/json",
    },
    body: JSON.stringify(input),
  });
  return await response.json();
}

async function overCtl(node: BrokerProcess, ...args: readonly string[]): Promise<Reply> {
  const login = ["--port", `${node.port}`, "--username", ADMIN.username, "--output", "json"];
  const { out, err } = await within(
    runDunlin(["--allow-net", "--allow-read", "--allow-env"], ["ctl", ...login, ...args], {
      env: { DUNLIN_PASSWORD: ADMIN.password },
    }),
    "dunlin ctl",
    60_000,
  );
  assert.ok(out !== "", err);
  return JSON.parse(out);
}

/** An administrator over MQTT. */
async function boss(node: BrokerProcess) {
  const client = await connectJs(node.port, `boss-${crypto.randomUUID()}`, { ...ADMIN });
  const to = `answers/${crypto.randomUUID()}`;
  return {
    client,
    async ask(command: string, input: Input = {}): Promise<Reply> {
      const before = client.messages.length;
      await client.client.publishAsync(`$CONTROL/dunlin/v1/${command}`, JSON.stringify(input), {
        qos: 1,
        properties: { responseTopic: to },
      });
      return JSON.parse((await client.receive(before + 1)).slice(before)[0]!.payload);
    },
    end: () => client.end(),
  };
}

/** A client that has a queue and is away. */
async function away(node: BrokerProcess, clientId: string, talker: JsClient): Promise<void> {
  const client = await connectJs(node.port, clientId, KEPT);
  await client.client.subscribeAsync(`to/${clientId}`, { qos: 1 });
  await client.end();
  for (const text of ["1", "2", "3"]) {
    await talker.client.publishAsync(`to/${clientId}`, text, { qos: 1 });
  }
}

test(
  "every node answers the same about all clients, over MQTT, HTTP and dunlin ctl",
  async (_, a, b) => {
    const there = await connectJs(b.port, "there", KEPT);
    const short = await connectJs(b.port, "short");
    const here = await connectJs(a.port, "here");
    await away(b, "away", here);
    const wanted = [
      ["away", null, false],
      ["here", idOf(a), true],
      ["short", idOf(b), true],
      ["there", idOf(b), true],
    ];
    for (const node of [a, b]) {
      const asker = await boss(node);
      const replies = [
        await overHttp(node, "sessions/list"),
        await overCtl(node, "sessions", "list"),
        await asker.ask("sessions/list"),
      ];
      await asker.end();
      for (const { ok, data, error } of replies) {
        assert.ok(ok, JSON.stringify(error));
        const rows = data.sessions.filter(({ user }: Reply) => user === null)
          .map(({ clientId, node, connected }: Reply) => [clientId, node, connected]);
        assert.deepEqual(rows, wanted);
        assert.deepEqual(data.unanswered, []);
      }
      const { data } = await overHttp(node, "sessions/get", { clientId: "short" });
      assert.equal(data.session.node, idOf(b));
      assert.match(data.session.address, /^127\.0\.0\.1:/);
    }
    const { data: status } = await overHttp(a, "cluster/status");
    assert.deepEqual(
      status.nodes.map(({ node, name, answers }: Reply) => [node, name, answers]),
      [[idOf(a), "a", true], [idOf(b), "b", true]],
    );
    for (const client of [there, short, here]) await client.end();
  },
);

test(
  "what is asked of any node is done where the client is, and durable before the reply",
  async (rig, a, b) => {
    const talker = await connectJs(a.port, "talker");
    const there = await connectJs(b.port, "there");
    const gone = once(there.client, "disconnect");
    const kicked = await overHttp(a, "sessions/kick", { clientId: "there" });
    assert.deepEqual([kicked.ok, kicked.data.node], [true, idOf(b)]);
    const [packet] = await gone as [{ readonly reasonCode?: number }];
    assert.equal(packet.reasonCode, 0x98);
    await away(b, "away", talker);
    const queue = await overHttp(a, "queues/inspect", { clientId: "away" });
    assert.equal(queue.data.messages.length, 3);
    const added = await overCtl(
      a,
      ...["subscriptions", "add", "--client-id", "away", "--filter", "more", "--qos", "1"],
    );
    assert.ok(added.ok);
    await talker.client.publishAsync("more", "4", { qos: 1 });
    const purged = await overHttp(b, "queues/purge", { clientId: "away" });
    assert.equal(purged.data.messagesDropped, 4);
    await talker.client.publishAsync("more", "5", { qos: 1 });
    const deleted = await overHttp(a, "sessions/delete", { clientId: "away" });
    assert.deepEqual([deleted.data.messagesDropped, deleted.data.subscriptions], [1, 2]);
    await rig.kill("a"); // what the reply said is so, whoever dies
    const again = await connectJs(b.port, "away", KEPT);
    assert.equal(again.connack.sessionPresent, false);
    await again.end();
    await rig.start("a");
    talker.client.end(true);
  },
);

test("a trace shows what a client does on another node", async (_, a, b) => {
  const asker = await boss(a);
  const { data: { id } } = await asker.ask("trace", { clientId: "there" });
  const there = await connectJs(b.port, "there");
  await there.client.publishAsync("plant/1", "x", { qos: 1 });
  const lines = (): readonly Reply[] =>
    asker.client.messages.flatMap(({ payload }) =>
      payload.endsWith("\n") ? payload.trimEnd().split("\n").map((line) => JSON.parse(line)) : []
    );
  const seen = () => lines().some(({ node, topic }) => node === idOf(b) && topic === "plant/1");
  for (let count = asker.client.messages.length; !seen(); count++) {
    await asker.client.receive(count + 1);
  }
  const listed = await overHttp(b, "trace/list");
  assert.deepEqual(
    listed.data.traces.map(({ id, node }: Reply) => [id, node]),
    [[id, idOf(a)]],
  );
  assert.ok((await overHttp(b, "trace/stop", { id, node: "a" })).ok);
  await there.end();
  await asker.end();
});

test("one node is drained by another, and its clients are found there", async (rig, a, b) => {
  const client = await connectJs(b.port, "moves", { ...KEPT, reconnectPeriod: 0 });
  const gone = once(client.client, "disconnect");
  const drained = await overCtl(
    a,
    ...["drain", "--node", "b", "--seconds", "0", "--server-reference", "a.example"],
  );
  assert.deepEqual([drained.ok, drained.data.node], [true, idOf(b)]);
  const [packet] = await gone as [{ readonly reasonCode?: number }];
  assert.equal(packet.reasonCode, 0x9c);
  assert.match(await rig.ended("b"), /0/);
  const moved = await connectJs(a.port, "moves", KEPT);
  assert.equal(moved.connack.sessionPresent, true);
  const { data } = await overHttp(a, "sessions/list", { clientId: "moves" });
  assert.deepEqual(data.sessions.map(({ node }: Reply) => node), [idOf(a)]);
  await moved.end();
});

test(
  "a node that stands still is named in the replies of the others",
  async (_, a, b) => {
    const there = await connectJs(b.port, "there", KEPT);
    Deno.kill(b.pid, "SIGSTOP");
    try {
      const { data } = await overHttp(a, "sessions/list", { clientId: "there" });
      assert.deepEqual(data.unanswered, [idOf(b)]);
      assert.deepEqual(
        data.sessions.map(({ node, connected, address }: Reply) => [node, connected, address]),
        [[idOf(b), true, null]],
      );
      const kicked = await overHttp(a, "sessions/kick", { clientId: "there" });
      assert.deepEqual([kicked.ok, kicked.error.reason], [false, "failed"]);
    } finally {
      Deno.kill(b.pid, "SIGCONT");
    }
    await there.end();
  },
  60,
);
