/** The faults of a run: which, by chance that a seed decides, and how each is done. */

import type { Random } from "../simulation/random.ts";
import type { Crowd } from "./crowd.ts";
import type { Ledger } from "./ledger.ts";
import type { Node } from "./node.ts";
import { pause, until } from "./redis_process.ts";
import type { RedisRig } from "./redis_rig.ts";

export type FaultKind =
  | "killNode"
  | "pauseNode"
  | "pauseNodeBriefly"
  | "restartNode"
  | "killRedis"
  | "pauseRedis"
  | "cutRedisLinks"
  | "resetLinks"
  | "awayClients";

/** How often each is chosen, beside the others. */
export type Weights = Readonly<Partial<Record<FaultKind, number>>>;

export const ALL: Weights = {
  killNode: 25,
  pauseNode: 12,
  pauseNodeBriefly: 8,
  restartNode: 12,
  killRedis: 12,
  pauseRedis: 8,
  cutRedisLinks: 8,
  resetLinks: 15,
  awayClients: 5,
};

/** What is done: so many by chance, or these, in this order. */
export type Doing =
  | { readonly count: number; readonly weights: Weights }
  | { readonly order: readonly FaultKind[] };

export interface Target {
  readonly ledger: Ledger;
  readonly random: Random;
  readonly nodes: readonly Node[];
  readonly redis: RedisRig | undefined;
  readonly crowd: Crowd;
  /** Milliseconds. */
  readonly lease: number;
}

/** Milliseconds between two faults. */
const GAP = [500, 5_000] as const;
/** Milliseconds that clients stay away: the next fault finds their queues filled. */
const AWAY = 8_000;

/** Does the faults, one begun after the other, some of them at the same time; resolves when all are over. */
export async function doFaults(doing: Doing, target: Target): Promise<void> {
  const { random, ledger, crowd } = target;
  const count = "order" in doing ? doing.order.length : doing.count;
  const under = new Set<Promise<void>>();
  let redisBusy: Promise<void> = Promise.resolve();
  for (let done = 0; done < count; done++) {
    const kind = "order" in doing ? doing.order[done]! : choose(doing.weights, random);
    const label = `fault ${done + 1}: `;
    let fault: Promise<void>;
    if (kind === "killRedis" || kind === "pauseRedis" || kind === "cutRedisLinks") {
      await redisBusy; // a second loss before the first is made good is more than any promise covers
      fault = redisBusy = redisFault(kind, label, target);
    } else if (kind === "awayClients") {
      ledger.happened(`${label}${crowd.away(0.5, AWAY)} clients go away for ${AWAY} ms`);
      fault = pause(AWAY);
    } else {
      // One node at least is left alone.
      while (
        target.nodes.filter((node) => !busy.has(node)).length < Math.min(2, target.nodes.length)
      ) {
        await pause(50);
      }
      fault = kind === "resetLinks"
        ? Promise.resolve(resetLinks(label, target))
        : nodeFault(kind, label, target);
    }
    const tracked = fault.catch((error) => {
      ledger.violation("harness", `${label}${error}`);
    }).then(() => void under.delete(tracked));
    under.add(tracked);
    ledger.count(`faults: ${kind}`);
    await pause(random.between(...GAP));
  }
  await Promise.all(under);
  await redisBusy;
}

/** Nodes that something is being done to. */
const busy = new Set<Node>();

function choose(weights: Weights, random: Random): FaultKind {
  const all = Object.entries(weights) as [FaultKind, number][];
  let at = random.next() * all.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [kind, weight] of all) if ((at -= weight) < 0) return kind;
  return all[0]![0];
}

function resetLinks(label: string, { crowd, random, ledger }: Target): void {
  const share = random.chance(0.2) ? 1 : random.next() * 0.5;
  ledger.happened(`${label}${crowd.reset(share)} links are reset`);
}

async function nodeFault(
  kind: "killNode" | "pauseNode" | "pauseNodeBriefly" | "restartNode",
  label: string,
  { nodes, random, ledger, lease }: Target,
): Promise<void> {
  const free = nodes.filter((node) => !busy.has(node));
  const node = free[random.between(0, free.length - 1)]!;
  busy.add(node);
  try {
    await until(() => node.running, `node ${node.number} to run`, 60_000);
    const name = `node ${node.number} run ${node.life!.run}`;
    switch (kind) {
      case "killNode":
        ledger.happened(`${label}kill -9 of ${name}`);
        node.signal("SIGKILL");
        await comesBack(node);
        return;
      case "restartNode":
        ledger.happened(`${label}SIGTERM to ${name}`);
        node.signal("SIGTERM");
        await comesBack(node);
        return;
      case "pauseNode":
      case "pauseNodeBriefly": {
        const part = kind === "pauseNode" ? 1.2 + random.next() * 1.5 : 0.1 + random.next() * 0.7;
        const time = Math.round(lease * part);
        ledger.happened(`${label}${name} is stopped for ${time} ms`);
        node.signal("SIGSTOP");
        await pause(time);
        node.signal("SIGCONT");
        ledger.happened(`${label}${name} goes on`);
        await pause(1_000);
        await until(() => node.listens(), `node ${node.number} to listen again`, 90_000);
      }
    }
  } finally {
    busy.delete(node);
  }
}

/** Waits until another life of it listens. */
async function comesBack(node: Node): Promise<void> {
  const { run } = node.life!;
  await until(
    async () => node.life!.run > run && node.running && await node.listens(),
    `node ${node.number} to come back after run ${run}`,
    90_000,
  );
}

async function redisFault(
  kind: "killRedis" | "pauseRedis" | "cutRedisLinks",
  label: string,
  { redis, random, ledger }: Target,
): Promise<void> {
  if (redis === undefined) return;
  await redis.whole();
  const name = `Redis ${(await redis.master()).port}`;
  switch (kind) {
    case "cutRedisLinks":
      ledger.happened(`${label}all links to ${name} are cut`);
      return await redis.cutLinks();
    case "pauseRedis": {
      const time = random.between(300, 5_000);
      ledger.happened(`${label}${name} is stopped for ${time} ms`);
      await redis.pauseMaster(time);
      ledger.happened(`${label}${name} goes on`);
      break;
    }
    case "killRedis": {
      const time = random.between(200, redis.kind === "single" ? 3_000 : 8_000);
      ledger.happened(`${label}kill -9 of ${name}, back after ${time} ms`);
      await redis.killMaster(time);
      ledger.happened(`${label}${name} is started again`);
    }
  }
  await redis.whole();
  ledger.happened(`${label}Redis is whole, its master is ${(await redis.master()).port}`);
}
