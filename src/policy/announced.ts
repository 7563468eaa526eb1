/**
 * What CONNACK tells a client that it may rely on for as long as it is connected, whatever other rules come
 * meanwhile. MQTT 5.0 sections 3.2.2.3.3, 3.2.2.3.6, 3.2.2.3.8 and 3.2.2.3.13.
 */

import type { Rules } from "./rules.ts";

export interface Announced {
  /** PUBLISH packets with QoS 1 or 2 that the client may have unacknowledged. */
  readonly receiveMaximum: number;
  /** Bytes of the largest packet that is taken. */
  readonly maximumPacketSize: number;
  /** Topic Aliases that the client may set. */
  readonly topicAliasMaximum: number;
  readonly sharedSubscriptions: boolean;
}

const known = new WeakMap<Rules, Announced>();

/** What the rules that hold now announce: one object for all connections. */
export function announcedBy(rules: Rules): Announced {
  const before = known.get(rules);
  if (before !== undefined) return before;
  const { limits, sharedSubscriptions } = rules;
  const { receiveMaximum, maximumPacketSize, topicAliasMaximum } = limits;
  const made = { receiveMaximum, maximumPacketSize, topicAliasMaximum, sharedSubscriptions };
  known.set(rules, made);
  return made;
}
