/**
 * All that a configuration decides about clients, as one immutable value: the `rules` event replaces
 * it whole. The access list and the auto-subscriptions join it with the issues that bring them.
 */

import type { Limits } from "./limits.ts";
import { defaultLimits } from "./limits.ts";
import type { Seconds } from "./identity.ts";

/** What happens to a message for a queue that is full. */
export type QueuePolicy = "dropOldest" | "dropNewest" | "reject";

export interface Rules {
  readonly limits: Limits;
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
}

export const defaultRules: Rules = {
  limits: defaultLimits,
  queuePolicy: "dropOldest",
  queueQos0: false,
  takeover: "sameIdentity",
  validatePayloadFormat: false,
  sharedSubscriptions: true,
  responseInformation: undefined,
  persistentSessionExpiryInterval: defaultLimits.maximumSessionExpiryInterval,
};
