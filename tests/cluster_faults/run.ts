/**
 * One run: Redis, nodes and clients as real processes and real sockets, faults, an end in which everything is
 * drained, and the judge. Issue 8, "How it is proven".
 */

import type { StorePromise } from "../../src/store/store.ts";
import { Random } from "../simulation/random.ts";
import type { Door } from "./actor.ts";
import { retainedAt, sameTables } from "./at_end.ts";
import { Crowd, TURN } from "./crowd.ts";
import type { Doing } from "./faults.ts";
import { doFaults } from "./faults.ts";
import { historyOf } from "./history.ts";
import { judge, retainedIsLast } from "./judge.ts";
import { leftovers } from "./leftovers.ts";
import type { Violation } from "./ledger.ts";
import { Ledger } from "./ledger.ts";
import { Node } from "./node.ts";
import { pause, until } from "./redis_process.ts";
import type { RedisKind, RedisRig } from "./redis_rig.ts";
import { startRedis } from "./redis_rig.ts";

export interface Plan {
  readonly seed: number;
  readonly faults: Doing;
  /** "none": one node with a store of its own; "memory": one that forgets all when it ends. */
  readonly redis: RedisKind | "none" | "memory";
  readonly nodes: number;
  readonly clients: number;
  /** Messages a second. */
  readonly rate: number;
  /** Milliseconds. */
  readonly lease: number;
  readonly replicas: number;
  /** Milliseconds without anything new after which everything has come. */
  readonly quiet: number;
  /** Of the nodes' log. */
  readonly level: string;
  /** Is told how far it is. */
  readonly say: (text: string) => void;
}

export interface Outcome {
  readonly counts: Readonly<Record<string, number>>;
  readonly violations: readonly Violation[];
  readonly ledger: Ledger;
  /** What is in Redis at the end, if anything is wrong. */
  readonly left: readonly string[];
  /** Configurations and logs. */
  readonly directory: string;
}

const PREFIX = "dunlin";
/** Milliseconds of the longest Will Delay Interval, twice: a node's end is noticed late. */
const DELAY = 4_000;

/** Runs to the end; whatever was started is ended. */
export async function run(plan: Plan): Promise<Outcome> {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-cluster-faults-" });
  const began = performance.now();
  const ledger = new Ledger(() => performance.now() - began);
  const random = new Random(plan.seed);
  plan.say(`seed ${plan.seed}, logs in ${directory}`);
  const redis = plan.redis === "none" || plan.redis === "memory"
    ? undefined
    : await startRedis(plan.redis, `${directory}/redis`, PREFIX, plan.replicas);
  const nodes = Array.from({ length: redis === undefined ? 1 : plan.nodes }, (_, at) =>
    new Node(
      at,
      configOf(at, plan, redis, directory),
      directory,
      ledger,
      () => random.between(100, 2_500),
      plan.level,
    ));
  const doors = (): readonly Door[] => nodes.map(({ door }) => door);
  const crowd = new Crowd(plan.clients, plan.rate, { ledger, random, doors });
  let turns: ReturnType<typeof setInterval> | undefined;
  let told = ledger.happenings.length;
  const telling = setInterval(() => {
    for (; told < ledger.happenings.length; told++) {
      const { at, what } = ledger.happenings[told]!;
      plan.say(`${(at / 1000).toFixed(1).padStart(7)} ${what}`);
    }
  }, 100);
  try {
    await Promise.all(nodes.map((node) => node.start()));
    turns = setInterval(() => crowd.turn(), TURN);
    await until(() => crowd.settled, () => `all clients: ${unsettled(crowd)}`, 60_000);
    ledger.happened(`${crowd.actors.length} clients are connected and subscribed`);
    crowd.begin();
    await pause(2_000);
    const target = { ledger, random, nodes, redis, crowd, lease: plan.lease };
    await doFaults(plan.faults, target);
    ledger.happened("no more faults");
    await pause(2_000);
    crowd.end();
    await drain(crowd, ledger, redis, plan);
    const violations: Violation[] = [...judge(ledger, { lease: plan.lease })];
    const ports = nodes.map(({ port }) => port);
    if (redis !== undefined) violations.push(...await sameTables(ports, plan.lease + 15_000));
    const retained = await Promise.all(ports.map((port) => retainedAt(port, ledger)));
    for (const [node, found] of retained.entries()) {
      violations.push(...retainedIsLast(ledger, node, found));
    }
    const left = redis === undefined || violations.length === 0
      ? []
      : await leftovers(await redis.master(), PREFIX);
    return { counts: countsOf(ledger), violations, ledger, left, directory };
  } finally {
    clearInterval(turns);
    for (const actor of crowd.actors) actor.close();
    await Promise.all(nodes.map((node) => node.stop()));
    await redis?.stop();
    clearInterval(telling);
  }
}

function configOf(
  at: number,
  { lease, redis: kind }: Plan,
  redis: RedisRig | undefined,
  directory: string,
): Record<string, unknown> {
  const limits = {
    queuedMessagesPerSession: 100_000,
    queuedBytesPerSession: 1_000_000_000,
    connectRate: 1_000_000,
  };
  const store = kind === "memory" ? "memory" : "denoKv";
  if (redis === undefined) return { store, data: `${directory}/data-${at}`, limits };
  return {
    ...clusterConfig(at, lease, redis),
    data: `${directory}/data-${at}`,
    sysInterval: 2,
    limits,
  };
}

/** What the configuration of a node says of Redis and of the cluster; `lease` in milliseconds. */
export function clusterConfig(
  at: number,
  lease: number,
  { kind, ports }: Pick<RedisRig, "kind" | "ports">,
  promise: StorePromise = kind === "single" ? "fsynced" : "replicated",
): Record<string, unknown> {
  const addresses = ports.map((port) => `127.0.0.1:${port}`);
  const where = kind === "single"
    ? { url: `redis://${addresses[0]}` }
    : kind === "sentinel"
    ? { sentinel: { name: PREFIX, nodes: addresses } }
    : { cluster: { nodes: addresses } };
  return {
    store: { redis: { ...where, keyPrefix: PREFIX, promise } },
    cluster: { name: `node${at}`, lease: Math.round(lease / 1000) },
  };
}

/** Waits until nothing moves any more: all are back, everything is answered, and nothing has come for a while. */
async function drain(
  crowd: Crowd,
  ledger: Ledger,
  redis: RedisRig | undefined,
  { lease, quiet }: Plan,
) {
  const began = ledger.now();
  await redis?.whole();
  try {
    await until(
      () => crowd.settled && crowd.answered,
      () => `all answers: ${unsettled(crowd)}`,
      120_000,
    );
  } catch (error) {
    ledger.violation("idle", String(error));
  }
  for (const actor of crowd.willActors) {
    actor.rest();
    actor.drop();
  }
  // Wills with a delay, and a node's death that nobody has noticed yet.
  await pause(lease + DELAY + quiet);
  let [count, since] = [0, ledger.now()];
  await until(
    () => {
      const now = [...ledger.receipts.values()].reduce((sum, { length }) => sum + length, 0);
      if (now !== count) [count, since] = [now, ledger.now()];
      return ledger.now() - since > quiet;
    },
    () => "the end of what comes",
    120_000,
  ).catch((error) => ledger.violation("idle", String(error)));
  ledger.happened(`drained in ${Math.round(ledger.now() - began)} ms`);
}

function unsettled(crowd: Crowd): string {
  const lines = crowd.actors.filter((actor) => !actor.subscribed || !actor.answered)
    .map((actor) => actor.describe());
  return `${lines.length} clients wait\n${lines.slice(0, 10).join("\n")}`;
}

function countsOf(ledger: Ledger): Record<string, number> {
  const { publications, receipts, connections, wills, counts } = ledger;
  const all = [...receipts.values()].flat();
  const sent = publications.filter(({ sends, will }) => sends.length > 0 && !will);
  const copies = new Set<string>();
  let again = 0;
  for (const { publication, qos, session } of all) {
    if (qos !== 1) continue;
    const key = `${session} ${publication.id}`;
    if (copies.has(key)) again += 1;
    copies.add(key);
  }
  return {
    published: sent.length,
    "acknowledged QoS 1":
      sent.filter((each) => each.qos === 1 && each.acknowledgedAt < Infinity).length,
    "acknowledged QoS 2":
      sent.filter((each) => each.qos === 2 && each.acknowledgedAt < Infinity).length,
    received: all.length,
    connections: connections.length,
    wills: wills.length,
    "wills that came":
      new Set(all.filter((each) => each.publication.will).map((each) => each.publication)).size,
    ...Object.fromEntries([...counts].sort()),
  };
}

/** The violations in words, with the histories of a few of each kind. */
export function reportOf({ violations, ledger, left }: Outcome, most = 3): string {
  const kinds = new Map<string, Violation[]>();
  for (const violation of violations) {
    const list = kinds.get(violation.kind) ?? [];
    kinds.set(violation.kind, list);
    list.push(violation);
  }
  const lines: string[] = [];
  for (const [kind, list] of kinds) {
    lines.push(`${kind}: ${list.length}`);
    for (const violation of list.slice(0, most)) {
      lines.push(`  ${violation.text}`);
      for (const line of historyOf(ledger, violation)) lines.push(`    ${line}`);
    }
    for (const violation of list.slice(most, most + 20)) lines.push(`  ${violation.text}`);
  }
  lines.push("in Redis at the end:", ...left.map((line) => `  ${line}`));
  for (const [kind, list] of kinds) lines.push(`${kind}: ${list.length}`);
  return lines.join("\n");
}
