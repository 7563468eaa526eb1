/**
 * The limits that can be set at run time: those that are looked up each time that they are needed. The others
 * are held by what was made with them at start; a reload of the configuration changes them where it can.
 */

import type { Limits } from "../../policy/limits.ts";

const SETTABLE: ReadonlySet<keyof Limits> = new Set<keyof Limits>([
  "connectTimeout",
  "reauthenticationTimeout",
  "connectionsPerUser",
  "maximumKeepAlive",
  "receiveMaximum",
  "sendWindow",
  "sendWindowBytes",
  "topicAliasMaximum",
  "outgoingTopicAliases",
  "retryInterval",
  "maximumSessionExpiryInterval",
  "maximumSessions",
  "subscriptionsPerSession",
  "filtersPerSubscribe",
  "topicLevels",
  "topicLength",
  "queuedMessagesPerSession",
  "queuedBytesPerSession",
  "queuedMessagesPerIdentity",
  "queuedBytesPerIdentity",
  "queuedMessages",
  "queuedBytes",
  "queueHead",
  "retainedMessages",
  "retainedBytes",
  "retainedMessagesPerClient",
  "retainedBytesPerClient",
  "retainedPerTurn",
  "delayedMessages",
  "delayedBytes",
  "maximumDelay",
  "drainTimeout",
  "pendingWrites",
  "pendingBytes",
  "willDelayMaximum",
  "managementRequest",
  "managementRate",
  "managementTasks",
  "managementPage",
  "recentDrops",
  "traces",
  "traceSeconds",
  "traceEvents",
  "traceEventsPerSecond",
  "tracePayload",
  "settings",
  "settingSize",
]);

/** Whether it can be set at run time. */
export function isSettable(name: keyof Limits): boolean {
  return SETTABLE.has(name);
}
