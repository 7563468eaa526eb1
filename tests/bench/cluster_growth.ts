/**
 * What a route costs as nodes grow from 1 to 8: the broker's core alone, told what other nodes have announced,
 * and a publisher. Time and bytes allocated a PUBLISH, effects and writes included, no socket and no Redis.
 * Prints a table; `cluster.ts --growth` runs it with the flags that make the bytes exact.
 */

import process from "node:process";
import { Broker } from "../../src/broker/broker.ts";
import type { Event } from "../../src/broker/event.ts";
import type { QoS } from "../../src/packet/packet.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import type { Effect, Persist } from "../../src/session/effect.ts";
import { connectPacket } from "../broker/packets.ts";

/** Filters that each node has announced besides those that matter. */
const FILTERS = 1_000;
const PUBLISHES = 20_000;
const TOPICS = 100;

/** Who wants what is published: one other node, or all of them. */
type Wanting = "one other node" | "all other nodes";

const gc = (globalThis as unknown as { gc?: () => void }).gc;

console.log(`${TOPICS} topics, ${FILTERS} filters a node; nanoseconds and bytes a PUBLISH`);
for (const qos of [0, 1] as const) measure(8, "all other nodes", qos); // the first ones are slower
for (const wanting of ["one other node", "all other nodes"] as const) {
  for (const qos of [0, 1] as const) {
    console.log(`QoS ${qos}, wanted by ${wanting}`);
    for (const nodes of [1, 2, 3, 4, 6, 8]) {
      if (nodes === 1 && wanting === "all other nodes") continue;
      const runs = Array.from({ length: 5 }, () => measure(nodes, wanting, qos));
      const nanoseconds = Math.min(...runs.map((run) => run.nanoseconds)); // on a machine that others use, too
      const { bytes, told } = runs[0]!;
      console.log(
        `  ${nodes} node${nodes === 1 ? " " : "s"}`,
        `${Math.round(nanoseconds).toLocaleString("en").padStart(8)} ns`,
        `${Math.round(bytes).toLocaleString("en").padStart(8)} B`,
        `   told to ${told.toFixed(1)} nodes`,
      );
    }
  }
}

function measure(nodes: number, wanting: Wanting, qos: QoS) {
  const broker = new Broker(defaultRules, { node: "n0", slot: 0, localFirst: false });
  let told = 0;
  const feed = (event: Event) => {
    const persists: Persist[] = [];
    for (const effect of broker.step(event, 1_000_000)) {
      if (effect.type === "persist") persists.push(effect);
      told += toldBy(effect);
    }
    if (persists.length > 0) feed({ type: "settled", persists });
  };
  const names = Array.from({ length: nodes }, (_, at) => `n${at}`);
  feed({ type: "nodes", nodes: names });
  feed({ type: "recovered" });
  for (const [at, from] of names.entries()) {
    if (at === 0) continue;
    const own = Array.from({ length: FILTERS }, (_, n) => `own/${from}/${n}/+`);
    const wanted = wanting === "all other nodes" || at === 1
      ? Array.from({ length: TOPICS }, (_, n) => `bench/${n}`)
      : [];
    const writes = [...own, ...wanted].map((
      full,
    ) => ({ type: "announce", full, interest: 2 } as const));
    feed({ type: "replicated", from, writes });
  }
  const peer = { address: "127.0.0.1:1", listener: "main", anonymousAllowed: true };
  feed({ type: "opened", connection: 1, peer, entropy: new Uint8Array(16) });
  feed({ type: "packet", connection: 1, packet: connectPacket("pump") });
  const identity = { user: undefined, roles: [] };
  feed({ type: "authenticated", connection: 1, verdict: { type: "accepted", identity } });
  feed({
    type: "claimed",
    connection: 1,
    clientId: "pump",
    stored: { received: [], inflight: [], queued: [], orders: [], sizes: [] },
    highest: 0,
  });
  const payload = new Uint8Array(64);
  const publishes = Array.from({ length: TOPICS }, (_, n): Event => ({
    type: "packet",
    connection: 1,
    packet: {
      type: "publish",
      topic: `bench/${n}`,
      payload,
      qos,
      retain: false,
      dup: false,
      packetId: qos === 0 ? 0 : n + 1,
      properties: undefined,
    },
  }));
  for (let at = 0; at < PUBLISHES; at++) feed(publishes[at % TOPICS]!);
  gc?.();
  told = 0;
  const heap = process.memoryUsage().heapUsed;
  const from = performance.now();
  for (let at = 0; at < PUBLISHES; at++) feed(publishes[at % TOPICS]!);
  const took = performance.now() - from;
  const bytes = process.memoryUsage().heapUsed - heap;
  return { nanoseconds: took * 1e6 / PUBLISHES, bytes: bytes / PUBLISHES, told: told / PUBLISHES };
}

/** Nodes that an effect sends a message to. */
function toldBy(effect: Effect): number {
  if (effect.type === "cast") return effect.nodes.length;
  if (effect.type !== "persist") return 0;
  return effect.writes.filter(({ type }) => type === "forward").length;
}
