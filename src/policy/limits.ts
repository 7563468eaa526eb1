/**
 * Every limit of the broker in one place, with its default and its reason (ranges: limit_table.ts).
 *
 * A limit is a whole number. The configuration may set each of them within its range; nothing else
 * in the broker may bound a buffer, a queue, a table or a loop with a number of its own. This file
 * only states the numbers: it must not read the configuration nor enforce anything.
 *
 * MQTT 5.0 sections 3.1.2.10, 3.1.2.11, 3.2.2.3 (what a server announces) and 4.9 (flow control).
 */

/** What bounds the broker. Each comment is "unit: what it bounds and why". */
export interface Limits {
  /**
   * bytes: the largest whole packet taken, announced as Maximum Packet Size, so that one packet
   * cannot fill memory.
   */
  readonly maximumPacketSize: number;
  /**
   * connections: each costs memory and a file descriptor; the soft descriptor limit may lower it
   * further.
   */
  readonly maximumConnections: number;
  /**
   * seconds: from the opened link to CONNACK, enhanced authentication included, so that silent links
   * do not hold connections.
   */
  readonly connectTimeout: number;
  /**
   * seconds: from the opened link to its first byte of MQTT where a PROXY header, TLS or an upgrade to
   * WebSocket comes before it.
   */
  readonly handshakeTimeout: number;
  /**
   * handshakes: of TLS under way at once on one listener; for one more the one that has lasted longest
   * gives way.
   */
  readonly handshakes: number;
  /** bytes: the request that upgrades to WebSocket, since all of it is kept until it is whole. */
  readonly upgradeRequest: number;
  /** bytes: a PROXY header of version 2 with its extensions, since all of it is kept. */
  readonly proxyHeader: number;
  /**
   * seconds: from the AUTH that begins a re-authentication to its end, so that none stays half done.
   */
  readonly reauthenticationTimeout: number;
  /**
   * packets: of a client in one enhanced authentication, CONNECT included, so that none goes on for
   * ever.
   */
  readonly authenticationSteps: number;
  /** bytes: Authentication Data of one packet from a client, since a method has to look at all of it. */
  readonly authenticationData: number;
  /**
   * connections: that the system holds until they are accepted, as many as Linux does unless told
   * more: for one that finds it full the other side waits a second.
   */
  readonly tcpBacklog: number;
  /**
   * connections: a second from one address; above it they are closed before TLS and before a byte
   * is read; 0 is no limit.
   */
  readonly connectRate: number;
  /**
   * connections: from one address at once, when none came for a while: a site that comes back
   * after an outage.
   */
  readonly connectBurst: number;
  /**
   * connections: of one address at once on all listeners; above it they are closed before TLS and
   * before a byte is read; 0 is no limit, as many may be behind one address.
   */
  readonly connectionsPerAddress: number;
  /**
   * connections: of one user name at once; above it a CONNECT is answered with Quota exceeded
   * (0x97); 0 is no limit, since devices often share a name.
   */
  readonly connectionsPerUser: number;
  /**
   * addresses: whose connects and failures are counted, and as many client ids and users; those
   * that were not seen for longest are forgotten.
   */
  readonly rememberedAddresses: number;
  /**
   * milliseconds: the answer to a failed authentication is kept back; it doubles with each one of
   * the address or user; 0 is not at all.
   */
  readonly failureDelay: number;
  /**
   * milliseconds: the longest time that such an answer is kept back, and never more than half of
   * connectTimeout.
   */
  readonly failureDelayMaximum: number;
  /** seconds: that a failed authentication is remembered, unless another one follows. */
  readonly failureMemory: number;
  /**
   * failures: of one address that are remembered at once before it is banned; 0 is never, as for
   * many behind one address.
   */
  readonly failuresPerAddress: number;
  /**
   * failures: with one client id before it is banned; 0 is never, as anybody may send the client
   * id of another to shut it out.
   */
  readonly failuresPerClientId: number;
  /**
   * failures: of one user before it is banned; 0 is never, as anybody may send the name of
   * another to shut it out.
   */
  readonly failuresPerUser: number;
  /** seconds: that a ban lasts which failures have led to. */
  readonly banTime: number;
  /** bans: of addresses, of client ids and of users each; for one more the oldest goes. */
  readonly bans: number;
  /** passwords: hashed at once, each on a thread of its own. */
  readonly passwordHashes: number;
  /** passwords: that wait to be hashed; above it clients are told Server busy (0x89). */
  readonly passwordsWaiting: number;
  /**
   * clients: whose proof is remembered for a while, so that those who come back are let in at
   * once.
   */
  readonly authenticationCache: number;
  /** seconds: until a question to an authentication server is given up. */
  readonly remoteTimeout: number;
  /** questions: to one authentication server at once. */
  readonly remoteQuestions: number;
  /** questions: that wait for their turn; above it clients are told Server unavailable (0x88). */
  readonly remoteWaiting: number;
  /**
   * bytes: the largest answer of an authentication server or set of keys, since all of it is kept
   * until it is read.
   */
  readonly remoteAnswer: number;
  /** failures: in a row after which an authentication server is not asked for remotePause. */
  readonly remoteFailures: number;
  /** seconds: before a server that has failed is asked again, by one client first. */
  readonly remotePause: number;
  /**
   * seconds: a longer Keep Alive is answered with Server Keep Alive; 0 stays allowed only at
   * 65,535.
   */
  readonly maximumKeepAlive: number;
  /**
   * messages: PUBLISH with QoS 1 or 2 from one client that may be unacknowledged at once;
   * announced.
   */
  readonly receiveMaximum: number;
  /**
   * messages: PUBLISH with QoS 1 or 2 in flight to one client at most, whatever Receive Maximum it
   * announces.
   */
  readonly sendWindow: number;
  /**
   * bytes: messages with QoS 1 or 2 in flight to one client at most, so that what it has to
   * acknowledge fits its outbox.
   */
  readonly sendWindowBytes: number;
  /**
   * aliases: Topic Aliases that a client may set on its connection, each holds a Topic Name;
   * announced.
   */
  readonly topicAliasMaximum: number;
  /**
   * aliases: Topic Aliases that the broker sets towards one client at most, whatever the client
   * announces.
   */
  readonly outgoingTopicAliases: number;
  /**
   * seconds: resend of what a connected 3.x client leaves unacknowledged; 0 is off, as 5.0 forbids
   * it.
   */
  readonly retryInterval: number;
  /**
   * seconds: 30 days: a client that never comes back must not hold a session for ever;
   * 4,294,967,295 is never.
   */
  readonly maximumSessionExpiryInterval: number;
  /** sessions: connected and absent ones together, since absent sessions cost memory too. */
  readonly maximumSessions: number;
  /** subscriptions: one client must not fill the tree of Topic Filters. */
  readonly subscriptionsPerSession: number;
  /**
   * Topic Filters: in one SUBSCRIBE or UNSUBSCRIBE, since one packet is worked through in one
   * turn.
   */
  readonly filtersPerSubscribe: number;
  /** levels: in a Topic Name or Topic Filter, since the depth of the trees follows it. */
  readonly topicLevels: number;
  /** bytes: of a Topic Name or Topic Filter in UTF-8; the default is what a packet can hold. */
  readonly topicLength: number;
  /** messages: waiting for one client that is absent or slow; above it queuePolicy decides. */
  readonly queuedMessagesPerSession: number;
  /** bytes: waiting for one client that is absent or slow; above it queuePolicy decides. */
  readonly queuedBytesPerSession: number;
  /**
   * messages: waiting in all queues of one user name together, as many as in all unless set, since
   * devices often share a name; an anonymous client counts by its client id, a shared subscription
   * for no name.
   */
  readonly queuedMessagesPerIdentity: number;
  /**
   * bytes: waiting in all queues of one user name together; counted as
   * queuedMessagesPerIdentity.
   */
  readonly queuedBytesPerIdentity: number;
  /**
   * messages: waiting in all queues of the store or the memory together; what is in flight, retained
   * or delayed has limits of its own.
   */
  readonly queuedMessages: number;
  /** bytes: waiting in all queues together, so that absent clients fill neither disk nor memory. */
  readonly queuedBytes: number;
  /**
   * messages: of a connected session's queue that are kept in memory where a store holds the rest.
   */
  readonly queueHead: number;
  /** messages: one for each Topic Name, so that a publisher of ever new names is stopped. */
  readonly retainedMessages: number;
  /** bytes: of all retained messages together, since they stay in memory. */
  readonly retainedBytes: number;
  /** messages: retained and published by one client id, as many as in all unless set. */
  readonly retainedMessagesPerClient: number;
  /**
   * bytes: of the retained messages that one client id has published, as many as in all unless
   * set.
   */
  readonly retainedBytesPerClient: number;
  /**
   * messages: retained messages sent to a new subscription in one turn, so that others get theirs
   * in between.
   */
  readonly retainedPerTurn: number;
  /** rules: of auto-subscribe in all, since each is asked about every client that connects. */
  readonly autoSubscribeRules: number;
  /** filters: that rules of auto-subscribe lead to for one client; what is above it is skipped. */
  readonly autoSubscribeFilters: number;
  /**
   * sessions: looked at in one turn when rules of auto-subscribe change, so that others get theirs
   * in between.
   */
  readonly autoSubscribePerTurn: number;
  /** sessions: that rules of auto-subscribe make for clients which were never here. */
  readonly provisionedSessions: number;
  /** messages: published to $delayed and not yet due, since they stay in memory. */
  readonly delayedMessages: number;
  /** bytes: of all messages published to $delayed and not yet due, since they stay in memory. */
  readonly delayedBytes: number;
  /**
   * seconds: the longest delay of $delayed, about 49 days: a delay in milliseconds then fits in 32
   * bits.
   */
  readonly maximumDelay: number;
  /**
   * messages: PUBLISH packets a second from one client; above it the client is not read for a
   * while, so that nothing is lost; 0 is no limit.
   */
  readonly messageRate: number;
  /**
   * messages: PUBLISH packets from one client at once, when it sent none for a while; 0 is as many
   * as messageRate lets it send in a second.
   */
  readonly messageBurst: number;
  /**
   * bytes: of Topic Names and payloads a second from one client, enforced as messageRate; 0 is no
   * limit.
   */
  readonly byteRate: number;
  /**
   * bytes: of Topic Names and payloads from one client at once, when it sent none for a while; 0
   * is as many as in a second.
   */
  readonly byteBurst: number;
  /**
   * seconds: a client that stays above messageRate or byteRate for so long without a break is told
   * Message rate too high (0x96) and closed; 0 is never, as not reading it is enough.
   */
  readonly rateGrace: number;
  /**
   * messages: PUBLISH packets a second from all clients of one listener together, shared out
   * evenly among those that want more; 0 is no limit.
   */
  readonly listenerMessageRate: number;
  /**
   * messages: PUBLISH packets from all clients of one listener at once, when few came for a while;
   * 0 is as many as in a second.
   */
  readonly listenerMessageBurst: number;
  /**
   * bytes: of Topic Names and payloads a second from all clients of one listener together, shared
   * out as listenerMessageRate; 0 is no limit.
   */
  readonly listenerByteRate: number;
  /**
   * bytes: of Topic Names and payloads from all clients of one listener at once, when few came for
   * a while; 0 is as many as in a second.
   */
  readonly listenerByteBurst: number;
  /**
   * bytes: unsent bytes above which a client is congested where the system does not take them at once:
   * it misses QoS 0, and QoS 1 and 2 wait.
   */
  readonly outboxCongested: number;
  /** bytes: unsent bytes below which a congested client is drained and gets messages again. */
  readonly outboxDrained: number;
  /**
   * bytes: unsent bytes at most: QoS 0 beyond them is dropped; all else, and QoS 0 where the client
   * takes Topic Aliases, closes the connection.
   */
  readonly outboxMaximum: number;
  /**
   * seconds: a client that stays congested longer is closed, so that a stalled one does not hold
   * memory.
   */
  readonly drainTimeout: number;
  /**
   * writes: waiting for the store; above it publishers are paused, so that a slow disk slows them
   * down.
   */
  readonly pendingWrites: number;
  /**
   * bytes: waiting for the store; above it publishers are paused, so that a slow disk slows them
   * down.
   */
  readonly pendingBytes: number;
  /**
   * bytes: of QoS 0 messages that wait to be told to other nodes of the cluster; what comes above it
   * is dropped.
   */
  readonly castBytes: number;
  /**
   * Topic Names: whose subscribers are remembered, so that a repeated name is not matched again.
   */
  readonly matchCache: number;
  /** seconds: for the last bytes to reach the clients before the program ends. */
  readonly shutdownTimeout: number;
  /**
   * descriptors: file descriptors kept for files and the store, since a process that runs out of
   * them fails.
   */
  readonly descriptorReserve: number;
  /**
   * bytes: taken from a link in one read, for large packets up to four times that: larger needs fewer reads, smaller
   * needs less memory.
   */
  readonly readBuffer: number;
  /** seconds: the longest Will Delay Interval that is kept; a longer one is shortened to it. */
  readonly willDelayMaximum: number;
  /**
   * lines: of one category written in a second; the rest is only counted, so that a flood cannot
   * fill a disk.
   */
  readonly logLinesPerSecond: number;
  /** events: of clients told below $SYS in a second; the rest is only counted. */
  readonly clientEventsPerSecond: number;
  /** milliseconds: that the event loop may be late before an alarm tells of it. */
  readonly eventLoopAlarm: number;
  /** bytes: of memory of the process, above which an alarm tells of it; 0 is none. */
  readonly memoryAlarm: number;
  /** connections: of HTTP for administration at once, as each holds a file descriptor. */
  readonly adminConnections: number;
  /** seconds: that a request over HTTP may take to come, so that silent ones hold no connection. */
  readonly adminTimeout: number;
  /** bytes: of a request to a service of the broker, since all of it is read in one turn. */
  readonly managementRequest: number;
  /**
   * requests: of one identity a second to services of the broker, and ten times as many at once after a
   * pause.
   */
  readonly managementRate: number;
  /** requests: to services that wait for something, such as a password being hashed, at once. */
  readonly managementTasks: number;
  /** items: in one reply of management at most, since a list is gone through in one turn. */
  readonly managementPage: number;
  /**
   * drops: rows of the last drops that are kept for why, one for each client, topic and reason.
   */
  readonly recentDrops: number;
  /** traces: at once, since every packet is looked at for each. */
  readonly traces: number;
  /** seconds: that one trace lasts at most. */
  readonly traceSeconds: number;
  /** events: in one trace at most. */
  readonly traceEvents: number;
  /** events: of one trace in a second; the rest is only counted. */
  readonly traceEventsPerSecond: number;
  /** bytes: of each payload that a trace may show. */
  readonly tracePayload: number;
  /** settings: that services of the broker keep in the store, since they stay in memory. */
  readonly settings: number;
  /** characters: of one setting, since it is written whole whenever it changes. */
  readonly settingSize: number;
}

/** What holds when the configuration says nothing. */
export const defaultLimits: Limits = {
  maximumPacketSize: 1_048_576,
  maximumConnections: 10_000,
  connectTimeout: 10,
  handshakeTimeout: 10,
  handshakes: 1_000,
  upgradeRequest: 8_192,
  proxyHeader: 4_096,
  reauthenticationTimeout: 10,
  authenticationSteps: 8,
  authenticationData: 8_192,
  tcpBacklog: 4_096,
  connectRate: 2_000,
  connectBurst: 20_000,
  connectionsPerAddress: 0,
  connectionsPerUser: 0,
  rememberedAddresses: 65_536,
  failureDelay: 200,
  failureDelayMaximum: 3_000,
  failureMemory: 600,
  failuresPerAddress: 100,
  failuresPerClientId: 0,
  failuresPerUser: 0,
  banTime: 300,
  bans: 10_000,
  passwordHashes: 2,
  passwordsWaiting: 10_000,
  authenticationCache: 10_000,
  remoteTimeout: 3,
  remoteQuestions: 64,
  remoteWaiting: 10_000,
  remoteAnswer: 262_144,
  remoteFailures: 5,
  remotePause: 10,
  maximumKeepAlive: 65_535,
  receiveMaximum: 256,
  sendWindow: 256,
  sendWindowBytes: 1_048_576,
  topicAliasMaximum: 32,
  outgoingTopicAliases: 16,
  retryInterval: 0,
  maximumSessionExpiryInterval: 2_592_000,
  maximumSessions: 100_000,
  subscriptionsPerSession: 20_000,
  filtersPerSubscribe: 2_000,
  topicLevels: 128,
  topicLength: 65_535,
  queuedMessagesPerSession: 1_000,
  queuedBytesPerSession: 16_777_216,
  queuedMessagesPerIdentity: 10_000_000,
  queuedBytesPerIdentity: 1_073_741_824,
  queuedMessages: 10_000_000,
  queuedBytes: 1_073_741_824,
  queueHead: 256,
  retainedMessages: 2_000_000,
  retainedBytes: 1_073_741_824,
  retainedMessagesPerClient: 2_000_000,
  retainedBytesPerClient: 1_073_741_824,
  retainedPerTurn: 200,
  autoSubscribeRules: 1_000,
  autoSubscribeFilters: 1_000,
  autoSubscribePerTurn: 500,
  provisionedSessions: 100_000,
  delayedMessages: 100_000,
  delayedBytes: 268_435_456,
  maximumDelay: 4_294_967,
  messageRate: 0,
  messageBurst: 0,
  byteRate: 0,
  byteBurst: 0,
  rateGrace: 0,
  listenerMessageRate: 0,
  listenerMessageBurst: 0,
  listenerByteRate: 0,
  listenerByteBurst: 0,
  outboxCongested: 524_288,
  outboxDrained: 65_536,
  outboxMaximum: 4_194_304,
  drainTimeout: 30,
  pendingWrites: 20_000,
  pendingBytes: 67_108_864,
  castBytes: 16_777_216,
  matchCache: 50_000,
  shutdownTimeout: 5,
  descriptorReserve: 64,
  readBuffer: 65_536,
  willDelayMaximum: 2_592_000,
  logLinesPerSecond: 1_000,
  clientEventsPerSecond: 1_000,
  eventLoopAlarm: 1_000,
  memoryAlarm: 0,
  adminConnections: 16,
  adminTimeout: 10,
  managementRequest: 1_048_576,
  managementRate: 100,
  managementTasks: 100,
  managementPage: 1_000,
  recentDrops: 1_000,
  traces: 10,
  traceSeconds: 3_600,
  traceEvents: 100_000,
  traceEventsPerSecond: 1_000,
  tracePayload: 1_024,
  settings: 100_000,
  settingSize: 1_048_576,
};
