/**
 * What the configuration may say about each limit, and how to explain it to a person.
 *
 * The defaults are those of limits.ts; unit and reason are the words of its comments, which a test
 * compares. It must not be read on a hot path.
 */

import { defaultLimits, type Limits } from "./limits.ts";

/** One row of the table of limits. */
export interface LimitRow {
  readonly default: number;
  /** The smallest value allowed. */
  readonly min: number;
  /** The largest value allowed. */
  readonly max: number;
  readonly unit: string;
  /** What it bounds and why: begins in lower case, without a full stop. */
  readonly reason: string;
}

type Range = readonly [min: number, max: number, unit: string, reason: string];

const ranges: { readonly [Name in keyof Limits]: Range } = {
  maximumPacketSize: [
    128,
    268_435_460,
    "bytes",
    "the largest whole packet taken, announced as Maximum Packet Size, so that one packet cannot fill memory",
  ],
  maximumConnections: [
    1,
    1_000_000,
    "connections",
    "each costs memory and a file descriptor; the soft descriptor limit may lower it further",
  ],
  connectTimeout: [
    1,
    600,
    "seconds",
    "from the opened link to CONNACK, enhanced authentication included, so that silent links do not hold connections",
  ],
  handshakeTimeout: [
    1,
    600,
    "seconds",
    "from the opened link to its first byte of MQTT where a PROXY header, TLS or an upgrade to WebSocket comes before it",
  ],
  handshakes: [
    1,
    100_000,
    "handshakes",
    "of TLS under way at once on one listener; for one more the one that has lasted longest gives way",
  ],
  upgradeRequest: [
    256,
    1_048_576,
    "bytes",
    "the request that upgrades to WebSocket, since all of it is kept until it is whole",
  ],
  proxyHeader: [
    52,
    65_551,
    "bytes",
    "a PROXY header of version 2 with its extensions, since all of it is kept",
  ],
  reauthenticationTimeout: [
    1,
    600,
    "seconds",
    "from the AUTH that begins a re-authentication to its end, so that none stays half done",
  ],
  authenticationSteps: [
    1,
    1_000,
    "packets",
    "of a client in one enhanced authentication, CONNECT included, so that none goes on for ever",
  ],
  authenticationData: [
    0,
    65_535,
    "bytes",
    "Authentication Data of one packet from a client, since a method has to look at all of it",
  ],
  tcpBacklog: [
    1,
    65_535,
    "connections",
    "that the system holds until they are accepted, as many as Linux does unless told more: for one that finds it full the other side waits a second",
  ],
  connectRate: [
    0,
    1_000_000,
    "connections",
    "a second from one address; above it they are closed before TLS and before a byte is read; 0 is no limit",
  ],
  connectBurst: [
    1,
    1_000_000,
    "connections",
    "from one address at once, when none came for a while: a site that comes back after an outage",
  ],
  connectionsPerAddress: [
    0,
    1_000_000,
    "connections",
    "of one address at once on all listeners; above it they are closed before TLS and before a byte is read; 0 is no limit, as many may be behind one address",
  ],
  connectionsPerUser: [
    0,
    1_000_000,
    "connections",
    "of one user name at once; above it a CONNECT is answered with Quota exceeded (0x97); 0 is no limit, since devices often share a name",
  ],
  rememberedAddresses: [
    16,
    10_000_000,
    "addresses",
    "whose connects and failures are counted, and as many client ids and users; those that were not seen for longest are forgotten",
  ],
  failureDelay: [
    0,
    10_000,
    "milliseconds",
    "the answer to a failed authentication is kept back; it doubles with each one of the address or user; 0 is not at all",
  ],
  failureDelayMaximum: [
    0,
    60_000,
    "milliseconds",
    "the longest time that such an answer is kept back, and never more than half of connectTimeout",
  ],
  failureMemory: [
    1,
    86_400,
    "seconds",
    "that a failed authentication is remembered, unless another one follows",
  ],
  failuresPerAddress: [
    0,
    1_000_000,
    "failures",
    "of one address that are remembered at once before it is banned; 0 is never, as for many behind one address",
  ],
  failuresPerClientId: [
    0,
    1_000_000,
    "failures",
    "with one client id before it is banned; 0 is never, as anybody may send the client id of another to shut it out",
  ],
  failuresPerUser: [
    0,
    1_000_000,
    "failures",
    "of one user before it is banned; 0 is never, as anybody may send the name of another to shut it out",
  ],
  banTime: [
    1,
    31_536_000,
    "seconds",
    "that a ban lasts which failures have led to",
  ],
  bans: [
    1,
    1_000_000,
    "bans",
    "of addresses, of client ids and of users each; for one more the oldest goes",
  ],
  passwordHashes: [
    1,
    64,
    "passwords",
    "hashed at once, each on a thread of its own",
  ],
  passwordsWaiting: [
    0,
    1_000_000,
    "passwords",
    "that wait to be hashed; above it clients are told Server busy (0x89)",
  ],
  authenticationCache: [
    0,
    10_000_000,
    "clients",
    "whose proof is remembered for a while, so that those who come back are let in at once",
  ],
  remoteTimeout: [
    1,
    60,
    "seconds",
    "until a question to an authentication server is given up",
  ],
  remoteQuestions: [
    1,
    10_000,
    "questions",
    "to one authentication server at once",
  ],
  remoteWaiting: [
    0,
    1_000_000,
    "questions",
    "that wait for their turn; above it clients are told Server unavailable (0x88)",
  ],
  remoteAnswer: [
    256,
    16_777_216,
    "bytes",
    "the largest answer of an authentication server or set of keys, since all of it is kept until it is read",
  ],
  remoteFailures: [
    1,
    1_000,
    "failures",
    "in a row after which an authentication server is not asked for remotePause",
  ],
  remotePause: [
    1,
    3_600,
    "seconds",
    "before a server that has failed is asked again, by one client first",
  ],
  maximumKeepAlive: [
    1,
    65_535,
    "seconds",
    "a longer Keep Alive is answered with Server Keep Alive; 0 stays allowed only at 65,535",
  ],
  receiveMaximum: [
    1,
    65_535,
    "messages",
    "PUBLISH with QoS 1 or 2 from one client that may be unacknowledged at once; announced",
  ],
  sendWindow: [
    1,
    65_535,
    "messages",
    "PUBLISH with QoS 1 or 2 in flight to one client at most, whatever Receive Maximum it announces",
  ],
  sendWindowBytes: [
    1,
    268_435_456,
    "bytes",
    "messages with QoS 1 or 2 in flight to one client at most, so that what it has to acknowledge fits its outbox",
  ],
  topicAliasMaximum: [
    0,
    65_535,
    "aliases",
    "Topic Aliases that a client may set on its connection, each holds a Topic Name; announced",
  ],
  outgoingTopicAliases: [
    0,
    65_535,
    "aliases",
    "Topic Aliases that the broker sets towards one client at most, whatever the client announces",
  ],
  retryInterval: [
    0,
    86_400,
    "seconds",
    "resend of what a connected 3.x client leaves unacknowledged; 0 is off, as 5.0 forbids it",
  ],
  maximumSessionExpiryInterval: [
    0,
    4_294_967_295,
    "seconds",
    "30 days: a client that never comes back must not hold a session for ever; 4,294,967,295 is never",
  ],
  maximumSessions: [
    1,
    100_000_000,
    "sessions",
    "connected and absent ones together, since absent sessions cost memory too",
  ],
  subscriptionsPerSession: [
    1,
    10_000_000,
    "subscriptions",
    "one client must not fill the tree of Topic Filters",
  ],
  filtersPerSubscribe: [
    1,
    1_000_000,
    "Topic Filters",
    "in one SUBSCRIBE or UNSUBSCRIBE, since one packet is worked through in one turn",
  ],
  topicLevels: [
    1,
    65_535,
    "levels",
    "in a Topic Name or Topic Filter, since the depth of the trees follows it",
  ],
  topicLength: [
    1,
    65_535,
    "bytes",
    "of a Topic Name or Topic Filter in UTF-8; the default is what a packet can hold",
  ],
  queuedMessagesPerSession: [
    0,
    100_000_000,
    "messages",
    "waiting for one client that is absent or slow; above it queuePolicy decides",
  ],
  queuedBytesPerSession: [
    0,
    1_099_511_627_776,
    "bytes",
    "waiting for one client that is absent or slow; above it queuePolicy decides",
  ],
  queuedMessagesPerIdentity: [
    0,
    10_000_000_000,
    "messages",
    "waiting in all queues of one user name together, as many as in all unless set, since devices often share a name; an anonymous client counts by its client id, a shared subscription for no name",
  ],
  queuedBytesPerIdentity: [
    0,
    1_099_511_627_776,
    "bytes",
    "waiting in all queues of one user name together; counted as queuedMessagesPerIdentity",
  ],
  queuedMessages: [
    0,
    10_000_000_000,
    "messages",
    "waiting in all queues of the store or the memory together; what is in flight, retained or delayed has limits of its own",
  ],
  queuedBytes: [
    0,
    1_099_511_627_776,
    "bytes",
    "waiting in all queues together, so that absent clients fill neither disk nor memory",
  ],
  queueHead: [
    1,
    1_000_000,
    "messages",
    "of a connected session's queue that are kept in memory where a store holds the rest",
  ],
  retainedMessages: [
    0,
    1_000_000_000,
    "messages",
    "one for each Topic Name, so that a publisher of ever new names is stopped",
  ],
  retainedBytes: [
    0,
    1_099_511_627_776,
    "bytes",
    "of all retained messages together, since they stay in memory",
  ],
  retainedMessagesPerClient: [
    0,
    1_000_000_000,
    "messages",
    "retained and published by one client id, as many as in all unless set",
  ],
  retainedBytesPerClient: [
    0,
    1_099_511_627_776,
    "bytes",
    "of the retained messages that one client id has published, as many as in all unless set",
  ],
  retainedPerTurn: [
    1,
    100_000,
    "messages",
    "retained messages sent to a new subscription in one turn, so that others get theirs in between",
  ],
  autoSubscribeRules: [
    0,
    100_000,
    "rules",
    "of auto-subscribe in all, since each is asked about every client that connects",
  ],
  autoSubscribeFilters: [
    1,
    100_000,
    "filters",
    "that rules of auto-subscribe lead to for one client; what is above it is skipped",
  ],
  autoSubscribePerTurn: [
    1,
    100_000,
    "sessions",
    "looked at in one turn when rules of auto-subscribe change, so that others get theirs in between",
  ],
  provisionedSessions: [
    0,
    10_000_000,
    "sessions",
    "that rules of auto-subscribe make for clients which were never here",
  ],
  delayedMessages: [
    0,
    100_000_000,
    "messages",
    "published to $delayed and not yet due, since they stay in memory",
  ],
  delayedBytes: [
    0,
    1_099_511_627_776,
    "bytes",
    "of all messages published to $delayed and not yet due, since they stay in memory",
  ],
  maximumDelay: [
    1,
    4_294_967,
    "seconds",
    "the longest delay of $delayed, about 49 days: a delay in milliseconds then fits in 32 bits",
  ],
  messageRate: [
    0,
    10_000_000,
    "messages",
    "PUBLISH packets a second from one client; above it the client is not read for a while, so that nothing is lost; 0 is no limit",
  ],
  messageBurst: [
    0,
    100_000_000,
    "messages",
    "PUBLISH packets from one client at once, when it sent none for a while; 0 is as many as messageRate lets it send in a second",
  ],
  byteRate: [
    0,
    10_000_000_000,
    "bytes",
    "of Topic Names and payloads a second from one client, enforced as messageRate; 0 is no limit",
  ],
  byteBurst: [
    0,
    10_000_000_000,
    "bytes",
    "of Topic Names and payloads from one client at once, when it sent none for a while; 0 is as many as in a second",
  ],
  rateGrace: [
    0,
    86_400,
    "seconds",
    "a client that stays above messageRate or byteRate for so long without a break is told Message rate too high (0x96) and closed; 0 is never, as not reading it is enough",
  ],
  listenerMessageRate: [
    0,
    100_000_000,
    "messages",
    "PUBLISH packets a second from all clients of one listener together, shared out evenly among those that want more; 0 is no limit",
  ],
  listenerMessageBurst: [
    0,
    100_000_000,
    "messages",
    "PUBLISH packets from all clients of one listener at once, when few came for a while; 0 is as many as in a second",
  ],
  listenerByteRate: [
    0,
    100_000_000_000,
    "bytes",
    "of Topic Names and payloads a second from all clients of one listener together, shared out as listenerMessageRate; 0 is no limit",
  ],
  listenerByteBurst: [
    0,
    100_000_000_000,
    "bytes",
    "of Topic Names and payloads from all clients of one listener at once, when few came for a while; 0 is as many as in a second",
  ],
  outboxCongested: [
    1_024,
    1_073_741_824,
    "bytes",
    "unsent bytes above which a client is congested where the system does not take them at once: it misses QoS 0, and QoS 1 and 2 wait",
  ],
  outboxDrained: [
    0,
    1_073_741_824,
    "bytes",
    "unsent bytes below which a congested client is drained and gets messages again",
  ],
  outboxMaximum: [
    4_096,
    4_294_967_296,
    "bytes",
    "unsent bytes at most: QoS 0 beyond them is dropped; all else, and QoS 0 where the client takes Topic Aliases, closes the connection",
  ],
  drainTimeout: [
    1,
    86_400,
    "seconds",
    "a client that stays congested longer is closed, so that a stalled one does not hold memory",
  ],
  pendingWrites: [
    1,
    10_000_000,
    "writes",
    "waiting for the store; above it publishers are paused, so that a slow disk slows them down",
  ],
  pendingBytes: [
    65_536,
    1_099_511_627_776,
    "bytes",
    "waiting for the store; above it publishers are paused, so that a slow disk slows them down",
  ],
  castBytes: [
    65_536,
    1_073_741_824,
    "bytes",
    "of QoS 0 messages that wait to be told to other nodes of the cluster; what comes above it is dropped",
  ],
  matchCache: [
    0,
    100_000_000,
    "Topic Names",
    "whose subscribers are remembered, so that a repeated name is not matched again",
  ],
  shutdownTimeout: [
    0,
    600,
    "seconds",
    "for the last bytes to reach the clients before the program ends",
  ],
  descriptorReserve: [
    16,
    100_000,
    "descriptors",
    "file descriptors kept for files and the store, since a process that runs out of them fails",
  ],
  readBuffer: [
    512,
    16_777_216,
    "bytes",
    "taken from a link in one read, for large packets up to four times that: larger needs fewer reads, smaller needs less memory",
  ],
  willDelayMaximum: [
    0,
    4_294_967_295,
    "seconds",
    "the longest Will Delay Interval that is kept; a longer one is shortened to it",
  ],
  logLinesPerSecond: [
    1,
    1_000_000,
    "lines",
    "of one category written in a second; the rest is only counted, so that a flood cannot fill a disk",
  ],
  clientEventsPerSecond: [
    1,
    1_000_000,
    "events",
    "of clients told below $SYS in a second; the rest is only counted",
  ],
  eventLoopAlarm: [
    10,
    3_600_000,
    "milliseconds",
    "that the event loop may be late before an alarm tells of it",
  ],
  memoryAlarm: [
    0,
    1_099_511_627_776,
    "bytes",
    "of memory of the process, above which an alarm tells of it; 0 is none",
  ],
  adminConnections: [
    1,
    1_000,
    "connections",
    "of HTTP for administration at once, as each holds a file descriptor",
  ],
  adminTimeout: [
    1,
    600,
    "seconds",
    "that a request over HTTP may take to come, so that silent ones hold no connection",
  ],
  managementRequest: [
    1_024,
    268_435_456,
    "bytes",
    "of a request to a service of the broker, since all of it is read in one turn",
  ],
  managementRate: [
    1,
    100_000,
    "requests",
    "of one identity a second to services of the broker, and ten times as many at once after a pause",
  ],
  managementTasks: [
    1,
    10_000,
    "requests",
    "to services that wait for something, such as a password being hashed, at once",
  ],
  managementPage: [
    1,
    100_000,
    "items",
    "in one reply of management at most, since a list is gone through in one turn",
  ],
  recentDrops: [
    0,
    1_000_000,
    "drops",
    "rows of the last drops that are kept for why, one for each client, topic and reason",
  ],
  traces: [
    0,
    1_000,
    "traces",
    "at once, since every packet is looked at for each",
  ],
  traceSeconds: [
    1,
    604_800,
    "seconds",
    "that one trace lasts at most",
  ],
  traceEvents: [
    1,
    10_000_000,
    "events",
    "in one trace at most",
  ],
  traceEventsPerSecond: [
    1,
    100_000,
    "events",
    "of one trace in a second; the rest is only counted",
  ],
  tracePayload: [
    0,
    65_536,
    "bytes",
    "of each payload that a trace may show",
  ],
  settings: [
    0,
    10_000_000,
    "settings",
    "that services of the broker keep in the store, since they stay in memory",
  ],
  settingSize: [
    1_024,
    16_777_216,
    "characters",
    "of one setting, since it is written whole whenever it changes",
  ],
};

/** All limits by name, in the order of the interface. */
export const limitTable: { readonly [Name in keyof Limits]: LimitRow } = Object.fromEntries(
  Object.entries(ranges).map(([name, [min, max, unit, reason]]) => [
    name,
    { default: defaultLimits[name as keyof Limits], min, max, unit, reason },
  ]),
) as { [Name in keyof Limits]: LimitRow };

/** The names of all limits, in the order of the interface. */
export const limitNames: readonly (keyof Limits)[] = Object.keys(ranges) as (keyof Limits)[];
