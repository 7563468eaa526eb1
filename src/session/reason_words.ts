/**
 * The closed list of reasons: why a message was dropped, a connection ended, a link was turned away, a session
 * ended. One word for each, the same in the log, below `$SYS`, in the metrics and in answers of management, with
 * the sentence that explains it. What is refused with an answer of MQTT (PUBLISH, SUBSCRIBE, CONNECT) has
 * the Reason Code of the standard instead, by its name: packet/reason_code.ts.
 *
 * It only names; a reason that stands nowhere here cannot be given, as the types below are made of it.
 */

import type { SkipReason } from "../policy/auto_template.ts";

/** Why a message did not reach a client that subscribed to it, or was not taken. */
export const dropReasons = {
  queueFull: "the queue of its session is full",
  identityQueueFull: "all queues of one user name together are full",
  brokerQueueFull: "all queues of the broker together are full",
  expired: "its Message Expiry Interval passed before it could be sent",
  tooLargeForClient: "it is above the Maximum Packet Size of the client",
  outsideMountPoint:
    "the client's session came from another listener, whose clients see other topics",
  congested: "QoS 0, and the client has not taken what was sent before",
  outboxFull: "QoS 0, and as much waits for the client's link as may",
  absentQoS0: "QoS 0, and the client is not connected",
  sessionEnded: "the session that it waited in has ended",
  notPermitted: "the access rules do not let the client receive it",
  retainedFull: "as much is retained as may be: it was delivered, but not retained",
  clientRetainedFull: "the client retains as much as one may: it was delivered, but not retained",
  delayedFull: "as many delayed messages wait as may",
  nobodyInGroup: "no member of the shared subscription could get it",
  noSubscriber: "an answer of the broker's own, whose asker does not subscribe to its topic",
  purged: "an administrator emptied the queue that it waited in",
  storedLost: "the store did not have it any more",
} as const;

/** Why a connection ended. */
export const closeReasons = {
  clientDisconnected: "the client sent DISCONNECT",
  clientFailed:
    "the client sent DISCONNECT with another Reason Code than 0, which asks for the Will",
  linkLost: "the link ended without DISCONNECT",
  keepAliveTimeout: "nothing came for one and a half times the Keep Alive",
  connectTimeout: "no CONNECT, or no end of the authentication, within connectTimeout",
  identityExpired: "the proof of its identity, such as a token, has run out",
  takenOver: "another connection came with its client identifier",
  malformedPacket: "it sent bytes that are no MQTT",
  protocolError: "it sent what the standard forbids at that point",
  refused: "its CONNECT was refused, or what it did is answered with the end of the connection",
  rateExceeded: "it stayed above its messageRate or byteRate for longer than rateGrace",
  stalled: "it has not taken what was sent within drainTimeout",
  outboxFull: "it took nothing, and was to get more than an outbox holds",
  kicked: "an administrator ended it",
  drained: "an administrator sent it off, as the broker is about to end",
  shutdown: "the broker was stopped",
  internalError: "a defect of the broker: the log has the details",
} as const;

/** Why a link was closed before it spoke MQTT. */
export const turnAwayReasons = {
  connectionLimit: "maximumConnections, or the file descriptors of the process",
  connectRate: "too many from one address: connectRate and connectBurst",
  connectionsPerAddress: "as many connections of one address are open as may",
  banned: "the address is banned",
  openingFailed: "the PROXY header, TLS or the upgrade to WebSocket came to nothing",
} as const;

/** Why a session ended. */
export const sessionEnds = {
  expired: "its Session Expiry Interval passed while its client was away",
  cleanStart: "its client connected with Clean Start",
  disconnected: "its connection ended, and it was to last no longer",
  deleted: "an administrator deleted it",
} as const;

/** What becomes of a message for one client where it is not dropped: what `why` answers besides `dropReasons`. */
export const fateReasons = {
  sent: "nothing stands in its way: it is sent at once",
  clientAbsent: "its client is not connected: it waits in the queue of the session",
  notGreeted: "the CONNACK of its client waits for the store, and it behind that",
  clientCongested: "its client has not taken what was sent before: it waits",
  quotaUsed: "as much is unacknowledged as Receive Maximum, sendWindow or sendWindowBytes allow",
  behindOthers: "older messages for its client go first: it waits",
  groupWaits: "no member of the shared subscription takes it now: it waits in the group's queue",
  storeFull: "the store has no room: it waits until there is some",
  delayed: "it was published below $delayed: it waits for its time",
  noSession: "there is no session with that client identifier",
  noMatchingFilter: "no subscription of the client matches the topic",
  noLocal: "the client published it itself, and subscribes with No Local",
  otherMember: "it is the turn of another member of the shared subscription",
  serviceTopic: "it is a request to a service of the broker, which no subscriber gets",
} as const;

/** Why a rule of auto-subscribe made no subscription of one of its filters for a client. */
export const skipReasons: Readonly<Record<SkipReason, string>> = {
  noValue: "a ${…} in it stands for something that the client has not",
  unusableValue: "what a ${…} in it stands for would widen the filter",
  invalidFilter: "it is too long for the client, or has too many levels",
  sharedSubscriptionsOff: "it is a shared subscription, and sharedSubscriptions is off",
  notPermitted: "the access rules do not let the client subscribe to it",
  tooManyFilters: "rules lead to more filters for the client than autoSubscribeFilters",
};

export type DropReason = keyof typeof dropReasons;
export type CloseReason = keyof typeof closeReasons;
export type TurnAwayReason = keyof typeof turnAwayReasons;
export type SessionEnd = keyof typeof sessionEnds;
export type FateReason = keyof typeof fateReasons;

/** How often each word of a list was said: all of them from the start, so that none appears late. */
export type Counts<Word extends string> = { -readonly [word in Word]: number };

/** Every word of the list, never said yet. */
export function noneOf<Word extends string>(list: Readonly<Record<Word, string>>): Counts<Word> {
  return Object.fromEntries(Object.keys(list).map((word) => [word, 0])) as Counts<Word>;
}
