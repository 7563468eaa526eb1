/**
 * Which rules hold for whom: those of the listener, with the limits that an entry of `limitsFor` has for the
 * client. Found once, when its identity is proven or the rules are others, and kept in the rows.
 */

import { grantedTo } from "../connection/on_connect.ts";
import { isProven } from "../connection/stage.ts";
import { announcedBy } from "../policy/announced.ts";
import { rulesForClient } from "../policy/client_limits.ts";
import { rulesFor } from "../policy/rules.ts";
import { measure, putUnder } from "./rate.ts";
import type { Live, Tables } from "./tables.ts";

/** The client of a connection is known: what CONNECT asked for is granted by its own limits. */
export function underOwnRules(tables: Tables, live: Live): void {
  const { connect, connection } = live;
  const rules = rulesForClient(tables.rules, connection.identity);
  const before = live.rules.limits;
  live.rules = rules;
  live.connect = undefined;
  measure(tables, live);
  if (rules.limits === before || connect === undefined) return;
  const announced = announcedBy(rules);
  live.connection = { ...grantedTo(connection, connect, rules), announced };
  const { maximumPacketSize: bytes } = announced;
  if (bytes !== connection.announced.maximumPacketSize) {
    tables.out.push({ type: "limitPackets", connection: live.id, bytes });
  }
}

/** The rules are others. What clients were told in CONNACK stays as long as they are connected. */
export function underNewRules(tables: Tables): void {
  const { rules } = tables;
  for (const client of tables.clients.values()) {
    client.rules = rulesForClient(rules, client.session.owner);
  }
  for (const live of tables.connections.values()) {
    const { client, connection: { peer, stage, identity } } = live;
    if (!isProven(stage)) putUnder(tables, live, rulesFor(rules, peer));
    else { // until it is here and loaded the session is still that of who had it
      putUnder(tables, live, stage === "loading" ? rulesForClient(rules, identity) : client!.rules);
    }
  }
}
