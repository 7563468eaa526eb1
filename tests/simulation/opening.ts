/**
 * How every run begins, of one broker and of several: somebody who sees all Wills comes, then everybody else, and
 * subscribes to something.
 */

import type { QoS } from "../../src/packet/packet.ts";
import type { Client, Profile } from "./client.ts";
import type { VirtualTime } from "./clock.ts";
import type { Random } from "./random.ts";
import type { Action } from "./scenario.ts";
import { FILTERS, POPULAR } from "./scenario.ts";

interface Opened {
  readonly clients: readonly Client[];
  readonly time: VirtualTime;
  readonly random: Random;
}

/**
 * Sees every Will: there from the start, never gone for good, in a hurry to acknowledge.
 *
 * @param sessionExpiry seconds, longer than it is ever away
 */
export function watcherFor(sessionExpiry: number): Profile {
  return {
    version: 5,
    sessionExpiry,
    receiveMaximum: 65_535,
    keepAlive: 0,
    ackDelay: 0,
    aliases: 0,
    usesAliases: false,
    maximumPacketSize: Infinity,
  };
}

/** It comes, again and again where the store has no room yet, and subscribes. */
export async function watch({ time }: Opened, watcher: Client): Promise<void> {
  for (let tries = 0; tries < 10 && !watcher.connected; tries++) {
    if (!watcher.online) watcher.connect(false, undefined);
    await time.run(60_000, () => watcher.connected || !watcher.online);
    if (!watcher.connected) await time.run(1_000);
  }
  watcher.subscribe([{
    full: "w/#",
    filter: "w/#",
    shared: false,
    options: {
      qos: 2,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 2,
      subscriptionIdentifier: undefined,
    },
    confirmedAt: Infinity,
    endSentAt: Infinity,
    endConfirmedAt: Infinity,
  }]);
  await time.run(60_000, () => watcher.settled);
}

/** Everybody comes and subscribes to something, so that there is something to go wrong. */
export async function open(
  { clients, random, time }: Opened,
  watcher: Client,
  perform: (action: Action & { readonly kind: "subscribe" }) => Promise<void>,
): Promise<void> {
  for (const [at, client] of clients.entries()) {
    if (client === watcher) continue;
    client.connect(false, undefined);
    await time.run(20_000, () => client.connected);
    const filters = [0, 0].map(() => ({
      filter: random.chance(0.6)
        ? POPULAR[random.between(0, POPULAR.length - 1)]!
        : random.between(0, FILTERS.length - 1),
      qos: random.between(0, 2) as QoS,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0 as const,
      identifier: 0,
    }));
    await perform({ kind: "subscribe", client: at, filters });
  }
}
