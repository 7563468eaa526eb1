/**
 * Calls of the functions inside Redis: on a link, once, or again and again until Redis is there. What a
 * written answer promises is waited for on the same connection, in the same go.
 */

import type { Argument, Reply } from "./client.ts";
import { listOf } from "./client.ts";
import type { FunctionName } from "./library.ts";
import { isReading, LIBRARY, SOURCE } from "./library.ts";
import type { Link } from "./link.ts";
import type { Durability } from "./promise.ts";
import { meaningOf, redisTrouble } from "./trouble.ts";

/** Milliseconds until what Redis does not take now is asked again. */
const AGAIN = 100;

/** The command that calls a function. */
function command(name: FunctionName, key: string, args: readonly Argument[]): Argument[] {
  return [isReading(name) ? "FCALL_RO" : "FCALL", `${LIBRARY}_${name}`, "1", key, ...args];
}

/** Puts the library into Redis; it may be there already. */
export async function loadLibrary(link: Link): Promise<void> {
  await link.send(["FUNCTION", "LOAD", "REPLACE", SOURCE]);
}

/** Calls a function once. Where the library is not there, it is put there first. */
export async function callOnce(
  link: Link,
  name: FunctionName,
  key: string,
  args: readonly Argument[],
): Promise<Reply> {
  try {
    return await link.send(command(name, key, args));
  } catch (error) {
    if (meaningOf(error) !== "library") throw error;
    await loadLibrary(link);
    return await link.send(command(name, key, args));
  }
}

/** Calls a function, when Redis is there: rejects only as `closed`, and for what no trying mends. */
export async function callWhenUp(
  link: Link,
  name: FunctionName,
  key: string,
  args: readonly Argument[],
): Promise<Reply> {
  for (;;) {
    await link.up();
    try {
      return await callOnce(link, name, key, args);
    } catch (error) {
      const meaning = meaningOf(error);
      if (meaning === "away") continue;
      if (meaning !== "later") throw error;
    }
    await pause(AGAIN);
  }
}

/**
 * Calls several functions that change something, and resolves when what they have changed is as durable as
 * promised: one WAIT behind all of them. What each answered, or the error that it ended with.
 *
 * @param unsatisfied told with words, again and again, when the replicas have not got it for long
 * @throws `away` where the connection goes before: the calls must be made again
 */
export async function callDurably(
  link: Link,
  key: string,
  calls: readonly { readonly name: FunctionName; readonly args: readonly Argument[] }[],
  durability: Durability,
  unsatisfied: (detail: string) => void,
): Promise<PromiseSettledResult<Reply>[]> {
  const { wait } = durability;
  const asked = calls.map(({ name, args }) => link.send(command(name, key, args)));
  const waited = wait === undefined ? undefined : link.send(wait);
  waited?.catch(() => {});
  const settled = await Promise.allSettled(asked);
  const rejected = settled.filter((each) => each.status === "rejected");
  if (rejected.some(({ reason }) => meaningOf(reason) === "library")) {
    await loadLibrary(link);
    return await callDurably(link, key, calls, durability, unsatisfied);
  }
  const lost = rejected.find(({ reason }) => isEnd(reason));
  if (lost !== undefined) throw lost.reason;
  if (waited === undefined || rejected.length === settled.length) return settled;
  await met(link, durability, await waited, unsatisfied);
  return settled;
}

/**
 * Waits until it is as durable as promised, what this connection has written.
 *
 * @param reply what the first asking was answered
 */
export async function met(
  link: Link,
  durability: Durability,
  reply: Reply,
  unsatisfied: (detail: string) => void,
): Promise<void> {
  const from = performance.now();
  while (!durability.isMet(reply)) {
    if (performance.now() - from > durability.patience) unsatisfied(durability.words(reply));
    reply = await link.send(durability.wait!);
  }
}

function isEnd(error: unknown): boolean {
  const meaning = meaningOf(error);
  return meaning === "away" || meaning === "closed";
}

/** The first word of an answer; `fenced` ends the node. */
export function answered(reply: Reply, what: FunctionName): readonly [string, readonly Reply[]] {
  const all = listOf(reply);
  const word = all[0];
  if (!(word instanceof Uint8Array)) {
    throw redisTrouble("other", `${what} answered ${String(word)}, expected a word`);
  }
  return [word.toString("latin1"), all];
}

/** Milliseconds pass. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
