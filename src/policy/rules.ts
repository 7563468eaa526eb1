/**
 * All that a configuration decides about clients, as one immutable value: the `rules` event replaces
 * it whole. The auto-subscriptions join it with the issue that brings them.
 */

import type { ProtocolVersion } from "../packet/packet.ts";
import type { MountPoint } from "../topic/mount_point.ts";
import { AccessList } from "./access_list.ts";
import type { Limits } from "./limits.ts";
import { defaultLimits } from "./limits.ts";
import type { Peer, Seconds } from "./identity.ts";

/** What happens to a message for a queue that is full. */
export type QueuePolicy = "dropOldest" | "dropNewest" | "reject";

/** What is done with a 3.x client that publishes what it may not: it cannot be told. */
export type DeniedPublish = "drop" | "disconnect";

export interface Rules {
  readonly limits: Limits;
  /** Who may do what to which topics. */
  readonly access: AccessList;
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
  access: new AccessList([]),
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
