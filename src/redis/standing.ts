/**
 * How far behind this node is, and what time it is in Redis: asked for, now and then, for `$SYS` and metrics and
 * for the clock that all nodes go by.
 */

import type { Reply } from "./client.ts";
import { listOf, textOf } from "./client.ts";
import type { Ground } from "./ground.ts";
import type { Link } from "./link.ts";

export interface Standing {
  /** Redis's clock, milliseconds since 1970, as of about the middle of the question. */
  readonly time: number;
  /** Milliseconds between the last entry of the log and the last that this node has taken in. */
  readonly lag: number;
  /** Entries in this node's inbox, those for shared subscriptions included. */
  readonly inbox: number;
}

/**
 * Asks.
 *
 * @param position up to where this node has taken the log in
 * @throws while Redis is away
 */
export async function standingOf(
  { key, node }: Pick<Ground, "key" | "node">,
  link: Pick<Link, "send">,
  position: string,
): Promise<Standing> {
  const [time, last, inbox, shares] = await Promise.all([
    link.send(["TIME"]),
    link.send(["XREVRANGE", `${key}log`, "+", "-", "COUNT", "1"]),
    link.send(["XLEN", `${key}in:${node}`]),
    link.send(["XLEN", `${key}sh:${node}`]),
  ]);
  const [seconds, micros] = listOf(time).map((part) => Number(textOf(part)));
  const [entry] = listOf(last);
  const id = entry === undefined ? position : textOf(listOf(entry)[0] as Reply);
  return {
    time: seconds! * 1000 + micros! / 1000,
    lag: Math.max(0, Number.parseInt(id) - Number.parseInt(position)),
    inbox: Number(inbox) + Number(shares),
  };
}
