/**
 * How often each Will may and must have come: MQTT 5.0 section 3.1.2.5, told from what its client knows. A
 * client does not see when a broker hears of an end, so the bounds leave that open where it decides.
 */

import type { Terms } from "./judge.ts";
import type { ConnectionRecord, Ledger, Violation, WillRecord } from "./ledger.ts";

/** Milliseconds by which the end of a process may be seen before or behind that of its links. */
const AT_ONCE = 2_000;
/** By how much a client's clock of an end may be behind the broker's. */
const SLACK = 1_500;

export interface Bounds {
  readonly least: 0 | 1;
  readonly most: 0 | 1;
  readonly why: string;
}

/** Each Will as often as it was due, at each client that watches for them with QoS 2. */
export function willsOnce(ledger: Ledger, terms: Terms): Violation[] {
  const copies = new Map<string, Map<number, number>>();
  const watchers = ledger.subscriptions.filter(({ qos, connection, shared }) =>
    qos === 2 && connection === undefined && !shared
  );
  for (const { client } of watchers) {
    const counted = new Map<number, number>();
    for (const { publication } of ledger.receiptsOf(client)) {
      if (publication.will) counted.set(publication.id, (counted.get(publication.id) ?? 0) + 1);
    }
    copies.set(client, counted);
  }
  const nextOf = nextConnections(ledger);
  const violations: Violation[] = [];
  for (const will of ledger.wills) {
    const { publication, connection } = will;
    const bounds = boundsOf(will, nextOf.get(connection), ledger, terms);
    for (const { client, filter, confirmedAt } of watchers) {
      if (!publication.topic.startsWith(filter.replace(/#$/, ""))) continue;
      if (confirmedAt > connection.dialledAt) continue;
      const count = copies.get(client)!.get(publication.id) ?? 0;
      if (count >= bounds.least && count <= bounds.most) continue;
      violations.push({
        kind: count < bounds.least ? "willLost" : count > 1 ? "willTwice" : "willUnasked",
        text: `${client} got the Will #${publication.id} of ${connection.client} ${count} times: ` +
          bounds.why,
        publication,
        client,
        at: connection.endedAt,
      });
    }
  }
  return violations;
}

/** By connection, the next of the same client. */
function nextConnections(ledger: Ledger): Map<ConnectionRecord, ConnectionRecord> {
  const last = new Map<string, ConnectionRecord>();
  const next = new Map<ConnectionRecord, ConnectionRecord>();
  for (const connection of ledger.connections) {
    const before = last.get(connection.client);
    if (before !== undefined) next.set(before, connection);
    last.set(connection.client, connection);
  }
  return next;
}

/** How often a Will may have been published when everything is over. */
export function boundsOf(
  { connection, delay }: WillRecord,
  next: ConnectionRecord | undefined,
  ledger: Ledger,
  { lease }: Terms,
): Bounds {
  const { connackAt, ending, endedAt, heardAt } = connection;
  if (connection.refused) return { least: 0, most: 0, why: "its CONNECT was refused" };
  if (connackAt === Infinity) return { least: 0, most: 1, why: "its CONNECT was never answered" };
  if (ending === undefined) return { least: 0, most: 0, why: "it is connected" };
  const run = ledger.nodeRuns.find(({ node, run }) =>
    node === connection.node && run === connection.run
  );
  if (ending === "disconnected") {
    const { closedAt, told } = connection; // the broker's word that the Will is gone, unless its process has just ended
    if (told !== undefined) {
      return { least: 0, most: 1, why: "its node had closed the link before" };
    }
    if (closedAt === Infinity) return { least: 0, most: 1, why: "nobody took its DISCONNECT in" };
    if (run !== undefined && run.endedAt < closedAt + AT_ONCE) {
      return { least: 0, most: 1, why: "its node ended about when it disconnected" };
    }
    return { least: 0, most: 0, why: "its link was closed after DISCONNECT 0x00" };
  }
  const exactly = { least: 1, most: 1 } as const;
  if (delay === 0) return { ...exactly, why: `it ended (${ending}) without DISCONNECT 0x00` };
  if (next === undefined || next.dialledAt > endedAt + delay + 2 * lease + 10_000) {
    return { ...exactly, why: `it ended (${ending}) and did not come back in time` };
  }
  // The delay counts from when the node was given up, of which its clients hear only when it finds that out.
  if (run?.fenced && run.endedAt < endedAt + 3 * lease && endedAt < run.endedAt + AT_ONCE) {
    return { least: 0, most: 1, why: "its node was given up at an instant that nobody saw" };
  }
  // A node that is stopped may have been given up, and the link with it, while its client still waited for it.
  const from = endedAt - heardAt > lease / 2 ? heardAt : endedAt;
  if (next.connackAt < from + delay - SLACK && next.sessionPresent) {
    return { least: 0, most: 0, why: `it came back before the Will Delay of ${delay} ms was over` };
  }
  return { least: 0, most: 1, why: "it came back about when the Will was due" };
}
