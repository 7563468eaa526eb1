/**
 * Opens the shared store: finds the master, looks whether it can keep what is promised, puts the library there
 * and joins. Nothing of the state is touched where it is refused.
 */

import { answered, callWhenUp, loadLibrary, pause } from "./calls.ts";
import { textOf } from "./client.ts";
import { Ground } from "./ground.ts";
import { Link } from "./link.ts";
import { probe } from "./probe.ts";
import type { Durability } from "./promise.ts";
import { decide } from "./promise.ts";
import { RedisNode } from "./redis_node.ts";
import type { RedisNotice, RedisOptions } from "./redis_options.ts";
import { meaningOf, redisTrouble, wordsOf } from "./trouble.ts";
import { keyPrefix, Whereabouts } from "./whereabouts.ts";

/** Milliseconds between two looks while the start waits. */
const LOOK = 250;

/**
 * Opens it, within `startTimeoutMs`.
 *
 * @param notice takes what is worth a line in the log
 * @throws with words, where Redis cannot be reached, takes no name or password, or cannot keep the promise
 */
export async function openRedis(
  options: RedisOptions,
  notice: (notice: RedisNotice) => void = () => {},
): Promise<RedisNode> {
  const whereabouts = new Whereabouts(options);
  let ground: Ground | undefined;
  const asker = new Link({
    redis: options,
    whereabouts,
    changed: (up, detail) => {
      if (!up) ground?.reached("lease", detail);
    },
  });
  try {
    const until = performance.now() + options.startTimeoutMs;
    const durability = await ready(options, whereabouts, asker, until, notice);
    const key = keyPrefix(options.prefix);
    const [node, slot] = await join(options, asker, key, until);
    ground = new Ground({ options, key, node, durability, notice });
    return new RedisNode(ground, slot, whereabouts, asker);
  } catch (error) {
    asker.close();
    throw error;
  }
}

/** Waits until Redis is there, can keep the promise and has the library; how the promise is kept. */
async function ready(
  options: RedisOptions,
  whereabouts: Whereabouts,
  link: Link,
  until: number,
  notice: (notice: RedisNotice) => void,
): Promise<Durability> {
  let why = "";
  for (;;) {
    try {
      await upBefore(link, until);
      const found = await probe(link, options, whereabouts);
      const decision = decide(found, options);
      if (decision.type === "taken") {
        await loadLibrary(link);
        for (const message of decision.notes) notice({ level: "warn", message, fields: {} });
        const fields = {
          promise: decision.durability.promise,
          version: found.version.join("."),
          appendonly: found.appendonly ?? "unknown",
          appendfsync: found.appendfsync ?? "unknown",
          replicas: found.replicas,
        };
        notice({ level: "info", message: "Redis keeps the promise", fields });
        return decision.durability;
      }
      why = decision.reason;
      if (!decision.later) throw new Error(`Redis is refused: ${why}`);
    } catch (error) {
      const meaning = meaningOf(error);
      if (meaning !== "away" && meaning !== "later") throw error;
      why = `Redis cannot be reached: ${wordsOf(error)}`;
    }
    if (performance.now() > until) throw new Error(why);
    await pause(LOOK);
  }
}

async function upBefore(link: Link, until: number): Promise<void> {
  const up = link.up();
  up.catch(() => {});
  while (!link.isUp) {
    if (link.isRefused) throw new Error(`Redis refuses the connection: ${link.why}`);
    if (performance.now() > until) throw redisTrouble("away", link.why);
    await Promise.race([up, pause(LOOK)]);
  }
}

/** Joins; who is to be alone waits until whoever was there has gone, or its lease has ended. */
async function join(
  { nodeName, version, leaseMs, alone, prefix }: RedisOptions,
  link: Link,
  key: string,
  until: number,
): Promise<readonly [node: string, slot: number]> {
  const args = [nodeName, version, String(leaseMs), mark(), alone ? "1" : ""];
  const patience = Math.min(until, performance.now() + leaseMs + 4 * LOOK); // who is there then lives
  for (;;) {
    const [word, rest] = answered(await callWhenUp(link, "join", key, args), "join");
    if (word === "joined") return [textOf(rest[1]), Number(textOf(rest[2]))];
    if (word === "full") throw new Error("1024 nodes have joined already: no more can");
    const other = textOf(rest[1]);
    if (performance.now() > patience) {
      throw new Error(
        `another broker, ${other}, uses the keyPrefix ${prefix} of this Redis: give this one a keyPrefix ` +
          "of its own, or both the section cluster",
      );
    }
    await pause(Math.min(LOOK, Number(textOf(rest[2])) + 1));
  }
}

/** Letters that hardly ever come again: so a node differs from all before it even if Redis forgets them. */
function mark(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(3));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
