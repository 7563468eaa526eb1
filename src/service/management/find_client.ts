/**
 * The session that a command is about, or the refusal that says that there is none; and what is done with one
 * that this node of a cluster has to fetch first.
 */

import type { Event } from "../../broker/event.ts";
import type { Client } from "../../broker/tables.ts";
import type { Refused, View } from "../service.ts";
import type { At, Result } from "./command.ts";
import { refuse } from "./command.ts";

export function findClient({ broker }: View, clientId: string): Client | Refused {
  return broker.clients.get(clientId) ?? noSession(clientId);
}

/** The refusal. */
export function noSession(clientId: string): Refused {
  return refuse(
    "notFound",
    `there is no session with the client identifier ${JSON.stringify(clientId)}`,
  );
}

/** What its queue holds; undefined where the store alone knows. */
export interface Waiting {
  readonly messages: number | undefined;
  readonly bytes: number | undefined;
}

/**
 * Does something with a session; with one that nobody has when it has come, so that the reply, which says what
 * waited in its queue, speaks of what has been done.
 */
export function doneTo(
  { clientId, here, session: { queue } }: Client,
  { dryRun }: At,
  events: readonly Event[],
  waiting: number,
  dataOf: (waiting: Waiting) => Readonly<Record<string, unknown>>,
): Result {
  if (here) return { data: dataOf({ messages: waiting, bytes: queue.bytes }), events };
  if (dryRun) return { data: dataOf({ messages: undefined, bytes: undefined }) };
  return {
    task: { type: "fetchSession", clientId, events },
    then: (result) =>
      result.type === "fetched"
        ? { data: dataOf(result) }
        : refuse("failed", "the session was not fetched"),
  };
}
