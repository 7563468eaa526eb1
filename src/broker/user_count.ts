/**
 * How many connections each user name has: a limit for those that are not shared by design.
 * MQTT 5.0 section 3.2.2.2 (Reason Code 0x97). Who is anonymous shares no name and is not counted.
 */

import type { Client, Live, Tables } from "./tables.ts";

/**
 * Why the client that has just proven who it is has one connection too many; undefined where it has not.
 *
 * @param known the session that it goes on with: its connection, if it has one, is about to end
 */
export function tooManyOfUser(
  tables: Tables,
  live: Live,
  known: Client | undefined,
): string | undefined {
  const { user } = live.connection.identity;
  const { connectionsPerUser } = live.rules.limits;
  if (user === undefined || connectionsPerUser === 0) return undefined;
  const leaves = known?.live !== undefined && known.live.countedAs === user ? 1 : 0;
  if ((tables.connectedBy.get(user) ?? 0) - leaves < connectionsPerUser) return undefined;
  return `the user has connectionsPerUser (${connectionsPerUser}) already`;
}

/** Counts the connection for its user. */
export function countUser({ connectedBy }: Tables, live: Live): void {
  const { user } = live.connection.identity;
  if (user === undefined) return;
  live.countedAs = user;
  connectedBy.set(user, (connectedBy.get(user) ?? 0) + 1);
}

/** It has gone. */
export function uncountUser({ connectedBy }: Tables, live: Live): void {
  const { countedAs } = live;
  if (countedAs === undefined) return;
  live.countedAs = undefined;
  const left = (connectedBy.get(countedAs) ?? 0) - 1;
  if (left > 0) connectedBy.set(countedAs, left);
  else connectedBy.delete(countedAs);
}
