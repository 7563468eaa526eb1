/**
 * What nodes say when all is over, each to a client of its own: the checksums of their tables, and what they
 * retain.
 */

import { RawClient, text } from "../end_to_end/raw.ts";
import type { Retained } from "./judge.ts";
import type { Ledger, Publication, Violation } from "./ledger.ts";
import { publicationOf } from "./ledger.ts";

/** Where a node tells the checksum of what every node keeps in its tables. */
const CHECKSUM = "$SYS/broker/cluster/checksum";

/** The tables of all nodes come to the same: tells where they do not within so many milliseconds. */
export async function sameTables(ports: readonly number[], patience: number): Promise<Violation[]> {
  const until = performance.now() + patience;
  const last = new Map<number, string>();
  const clients = await Promise.all(
    ports.map((port) => RawClient.connect({ port }, 5, `sums${port}`)),
  );
  const same = () => last.size === ports.length && new Set(last.values()).size === 1;
  await Promise.all(clients.map(async (client, at) => {
    await ask(client, CHECKSUM);
    for (;;) {
      const left = Math.max(1, until - performance.now());
      const packet = await client.nextOrEnd(left).catch(() => undefined);
      if (packet === undefined) return; // too late, or closed as all are the same
      if (packet.type === "publish") last.set(at, text(packet.payload));
      if (same()) { for (const each of clients) each.close(); }
    }
  }));
  for (const client of clients) client.close();
  if (same()) return [];
  const found = JSON.stringify([...last]);
  return [{ kind: "checksum", text: `the tables of the nodes differ: ${found}` }];
}

/** What a node gives a new client that subscribes to all retained topics. */
export async function retainedAt(port: number, ledger: Ledger): Promise<Retained> {
  const client = await RawClient.connect({ port }, 5, `judge${port}`);
  const found = new Map<string, Publication | undefined>();
  await ask(client, "r/#");
  for (;;) {
    const packet = await client.nextOrEnd(3_000).catch(() => undefined);
    if (packet === undefined) break;
    if (packet.type === "publish") found.set(packet.topic, publicationOf(ledger, packet.payload));
  }
  client.close();
  return found;
}

/** Subscribes, and leaves the SUBACK among what comes. */
function ask(client: RawClient, filter: string): Promise<void> {
  return client.send({
    type: "subscribe",
    packetId: 1,
    subscriptions: [{
      filter,
      options: {
        qos: 0,
        noLocal: false,
        retainAsPublished: true,
        retainHandling: 0,
        subscriptionIdentifier: undefined,
      },
    }],
    userProperties: undefined,
  });
}
