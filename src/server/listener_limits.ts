/**
 * Limits that a listener may have of its own: those that bound one connection, and the rates that its
 * connections share; nothing that connections of several listeners share.
 */

import type { Limits } from "../policy/limits.ts";
import { limitsWith } from "../policy/own_limits.ts";

/** In the order of the limits. */
export const listenerLimitNames = [
  "maximumPacketSize",
  "connectTimeout",
  "handshakeTimeout",
  "upgradeRequest",
  "proxyHeader",
  "reauthenticationTimeout",
  "authenticationSteps",
  "authenticationData",
  "maximumKeepAlive",
  "receiveMaximum",
  "sendWindow",
  "topicAliasMaximum",
  "outgoingTopicAliases",
  "subscriptionsPerSession",
  "filtersPerSubscribe",
  "topicLevels",
  "topicLength",
  "messageRate",
  "messageBurst",
  "byteRate",
  "byteBurst",
  "rateGrace",
  "listenerMessageRate",
  "listenerMessageBurst",
  "listenerByteRate",
  "listenerByteBurst",
] as const satisfies readonly (keyof Limits)[];

export type ListenerLimit = (typeof listenerLimitNames)[number];

/** What a configuration says of a listener. */
export interface OwnLimits {
  readonly limits?: { readonly [Name in ListenerLimit]?: number | undefined } | undefined;
}

/** All limits that hold on a listener. */
export function limitsOf(limits: Limits, listener: OwnLimits): Limits {
  const own = listener.limits;
  return own === undefined ? limits : limitsWith(limits, own, listenerLimitNames);
}
