/**
 * All that a configuration decides about clients, as one immutable value: the `rules` event replaces
 * it whole.
 */

import type { ProtocolVersion } from "../packet/packet.ts";
import type { MountPoint } from "../topic/mount_point.ts";
import { AccessList } from "./access_list.ts";
import type { Who } from "./access_rule.ts";
import type { AutoSubscribe } from "./auto_subscribe.ts";
import { NO_AUTO_SUBSCRIBE } from "./auto_subscribe.ts";
import type { Tier } from "./client_limits.ts";
import type { DynamicAccess } from "./dynamic_access.ts";
import type { Limits } from "./limits.ts";
import { defaultLimits } from "./limits.ts";
import type { Peer, Seconds } from "./identity.ts";

/** What happens to a message for a queue that is full. */
export type QueuePolicy = "dropOldest" | "dropNewest" | "reject";

/** What is done with a 3.x client that publishes what it may not: it cannot be told. */
export type DeniedPublish = "drop" | "disconnect";

export interface Rules {
  readonly limits: Limits;
  /** Whose limits are others: the first entry that is about a client. */
  readonly tiers: readonly Tier[];
  /** Who may do what to which topics. */
  readonly access: AccessList;
  /** Rules of access that change at run time, in force besides `access`; undefined: there are none. */
  readonly dynamic?: DynamicAccess | undefined;
  /** Who may do everything below `$CONTROL`. */
  readonly administrators: readonly Who[];
  /** What the broker subscribes clients to. */
  readonly autoSubscribe: AutoSubscribe;
  readonly deniedPublish: DeniedPublish;
  readonly queuePolicy: QueuePolicy;
  /** Whether QoS 0 messages are kept for absent sessions. */
  readonly queueQos0: boolean;
  /** `any`: a client id may be taken over by whoever presents it. */
  readonly takeover: "sameIdentity" | "any";
  /** Refuse a payload that is announced as UTF-8 and is not, section 3.3.2.3.2. */
  readonly validatePayloadFormat: boolean;
  readonly sharedSubscriptions: boolean;
  /** What Response Information begins with, before `/{client id}`; undefined: none is given. */
  readonly responseInformation: string | undefined;
  /** Session Expiry Interval of 3.x sessions made with Clean Session 0. */
  readonly persistentSessionExpiryInterval: Seconds;
  /** Versions of MQTT that are spoken. */
  readonly versions: readonly ProtocolVersion[];
  /** Below which clients are, and see nothing else; "": they see all. */
  readonly mountPoint: MountPoint;
  /**
   * By the name of the listener, for those where something else holds: versions, mount point, limits of a
   * connection.
   */
  readonly listeners: ReadonlyMap<string, Rules>;
}

export const defaultRules: Rules = {
  limits: defaultLimits,
  tiers: [],
  access: new AccessList([]),
  administrators: [],
  autoSubscribe: NO_AUTO_SUBSCRIBE,
  deniedPublish: "drop",
  queuePolicy: "dropOldest",
  queueQos0: false,
  takeover: "sameIdentity",
  validatePayloadFormat: false,
  sharedSubscriptions: true,
  responseInformation: undefined,
  persistentSessionExpiryInterval: defaultLimits.maximumSessionExpiryInterval,
  versions: [3, 4, 5],
  mountPoint: "",
  listeners: new Map(),
};

/** The rules for clients that come by that listener. */
export function rulesFor(rules: Rules, { listener }: Pick<Peer, "listener">): Rules {
  if (rules.listeners.size === 0) return rules;
  return rules.listeners.get(listener) ?? rules;
}

/** The rules with other auto-subscriptions, on every listener. */
export function withAutoSubscribe(rules: Rules, autoSubscribe: AutoSubscribe): Rules {
  const listeners = new Map<string, Rules>();
  const changed: Rules = { ...rules, autoSubscribe, listeners };
  for (const [name, here] of rules.listeners) {
    listeners.set(name, { ...here, autoSubscribe, listeners });
  }
  return changed;
}
