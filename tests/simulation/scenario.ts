/**
 * What a run is: its rules, its weather, its clients and the list of what happens, all drawn by
 * fast-check, which prints seed and path and shrinks. How often each kind of action comes is drawn
 * once a run (swarm testing), so that some runs are all crashes and others have none.
 */

import fc from "fast-check";
import type { QoS } from "../../src/packet/packet.ts";
import { defaultLimits } from "../../src/policy/limits.ts";
import type { Rules } from "../../src/policy/rules.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import type { Profile } from "./client.ts";
import { RULE_SETS } from "./rule_sets.ts";
import type { Weather } from "./network.ts";

/** One thing that happens; `client` counts round the clients of the run. */
export type Action =
  | {
    readonly kind: "connect" | "takeover";
    readonly client: number;
    readonly clean: boolean;
    readonly will: { readonly qos: QoS; readonly retain: boolean; readonly delay: number } | null;
  }
  | { readonly kind: "disconnect"; readonly client: number; readonly how: Goodbye }
  | {
    readonly kind: "publish";
    readonly client: number;
    readonly topic: number;
    readonly qos: QoS;
    readonly retain: boolean;
    readonly clears: boolean;
    readonly expiry: number;
    readonly delay: number;
    readonly size: number;
    readonly count: number;
  }
  | {
    readonly kind: "subscribe";
    readonly client: number;
    readonly filters: readonly {
      readonly filter: number;
      readonly qos: QoS;
      readonly noLocal: boolean;
      readonly retainAsPublished: boolean;
      readonly retainHandling: 0 | 1 | 2;
      readonly identifier: number;
    }[];
  }
  | { readonly kind: "unsubscribe"; readonly client: number; readonly filter: number }
  | { readonly kind: "stall" | "resume" | "halfOpen"; readonly client: number }
  | { readonly kind: "crash"; readonly down: number }
  /** No room on the disk for a time. */
  | {
    readonly kind: "diskFull";
    readonly client: number;
    readonly milliseconds: number;
    readonly probe: boolean;
  }
  /** The next call of the store fails for good: the process has to end, and starts again. */
  | { readonly kind: "diskBreaks"; readonly kept: boolean; readonly down: number }
  | { readonly kind: "audit" }
  /** Other rules of auto-subscribe, by their place in RULE_SETS. */
  | { readonly kind: "rules"; readonly set: number }
  | { readonly kind: "wait"; readonly milliseconds: number };

/** `will`: DISCONNECT 0x04, an ordinary DISCONNECT in 3.1.1. */
export type Goodbye = "clean" | "will" | "reset" | "finish";

export interface Scenario {
  readonly seed: number;
  readonly rules: Rules;
  /** The rules of auto-subscribe at the start, by their place in RULE_SETS. */
  readonly ruleSet: number;
  readonly weather: Weather;
  readonly latency: number;
  /** Share of the store's calls that find no room once. */
  readonly hiccups: number;
  readonly profiles: readonly Profile[];
  readonly actions: readonly Action[];
}

/**
 * Actions name topics and filters by their place in these lists, and saved scenarios do: new ones are
 * added at the end. Below `s/` only shared subscriptions match, so that the two are told apart.
 */
export const TOPICS = ["a", "a/b", "a/c", "b", "b/b", "s/1", "s/2", "a/b/c"] as const;

export const FILTERS = [
  "a",
  "a/b",
  "a/#",
  "+/b",
  "a/+",
  "b/#",
  "b",
  "$share/g/s/#",
  "$share/h/s/1",
  "$share/g/s/2",
] as const;

/** What clients subscribe to at the start, mostly: much of what is published matches. */
export const POPULAR = [1, 2, 4, 7] as const;

const qos = fc.constantFrom<QoS>(0, 1, 2);
export const client = fc.nat(5);

/** What a CONNECT says. */
export const connecting = {
  clean: often(false, true),
  will: fc.option(
    fc.record({
      qos,
      retain: often<boolean>(false, true),
      delay: fc.constantFrom(0, 0, 3, 60),
    }),
  ),
};

/** What clients do wherever they are connected. */
export const clientActions = {
  disconnect: fc.record({
    kind: fc.constant("disconnect" as const),
    client,
    how: fc.constantFrom<Goodbye>("clean", "will", "reset", "finish"),
  }),
  publish: publishing(0, 0, 0, 0, 0, 1, 30),
  subscribe: fc.record({
    kind: fc.constant("subscribe" as const),
    client,
    filters: fc.array(
      fc.record({
        filter: fc.nat(FILTERS.length - 1),
        qos,
        noLocal: often(false, true),
        retainAsPublished: often(false, true),
        retainHandling: fc.constantFrom<0 | 1 | 2>(0, 0, 1, 2),
        identifier: fc.constantFrom(0, 0, 1, 300),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  }),
  unsubscribe: fc.record({
    kind: fc.constant("unsubscribe" as const),
    client,
    filter: fc.nat(FILTERS.length - 1),
  }),
  stall: fc.record({ kind: fc.constant("stall" as const), client }),
  resume: fc.record({ kind: fc.constant("resume" as const), client }),
  halfOpen: fc.record({ kind: fc.constant("halfOpen" as const), client }),
} as const satisfies Partial<Record<Action["kind"], fc.Arbitrary<Action>>>;

const actions: Readonly<Record<Action["kind"], fc.Arbitrary<Action>>> = {
  connect: connectAction("connect"),
  takeover: connectAction("takeover"),
  ...clientActions,
  crash: fc.record({
    kind: fc.constant("crash" as const),
    down: fc.constantFrom(0, 10, 1_000, 100_000),
  }),
  diskFull: fc.record({
    kind: fc.constant("diskFull" as const),
    client,
    probe: fc.boolean(),
    milliseconds: fc.constantFrom(1, 500, 3_000, 30_000, 200_000),
  }),
  diskBreaks: fc.record({
    kind: fc.constant("diskBreaks" as const),
    kept: fc.boolean(),
    down: fc.constantFrom(0, 10, 1_000, 100_000),
  }),
  audit: fc.record({ kind: fc.constant("audit" as const) }),
  rules: fc.record({ kind: fc.constant("rules" as const), set: fc.nat(RULE_SETS.length - 1) }),
  wait: fc.record({
    kind: fc.constant("wait" as const),
    milliseconds: fc.constantFrom(0, 1, 1, 5, 5, 20, 20, 100, 100, 1_000, 7_000, 40_000, 300_000),
  }),
};

/** @param delays seconds of `$delayed`, one of which is drawn */
export function publishing(...delays: readonly number[]) {
  return fc.record({
    kind: fc.constant("publish" as const),
    client,
    topic: fc.oneof(fc.constantFrom(1, 5), fc.nat(TOPICS.length - 1)),
    qos,
    retain: often(false, true),
    clears: fc.boolean(),
    expiry: fc.constantFrom(0, 0, 0, 0, 1, 20),
    delay: fc.constantFrom(...delays),
    size: fc.constantFrom(10, 10, 10, 300, 3_000),
    count: fc.constantFrom(1, 1, 2, 8),
  });
}

function connectAction<K extends "connect" | "takeover">(kind: K): fc.Arbitrary<Action> {
  return fc.record({
    kind: fc.constant(kind),
    client,
    ...connecting,
  }) as fc.Arbitrary<Action>;
}

function often<T>(usual: T, other: T): fc.Arbitrary<T> {
  return fc.constantFrom(usual, usual, usual, other);
}

export const profile: fc.Arbitrary<Profile> = fc.record({
  version: fc.constantFrom<4 | 5>(4, 5, 5),
  sessionExpiry: fc.constantFrom(0, 5, 600, 600, 100_000),
  receiveMaximum: fc.constantFrom(1, 2, 5, 65_535),
  keepAlive: fc.constantFrom(0, 30, 120),
  ackDelay: fc.constantFrom(0, 5, 50, 3_000),
  aliases: fc.constantFrom(0, 0, 2),
  usesAliases: fc.boolean(),
  maximumPacketSize: fc.constantFrom(Infinity, Infinity, Infinity, 200),
}).map((drawn): Profile =>
  drawn.version === 5 ? drawn : {
    ...drawn,
    // What 3.1.1 cannot say; its session lasts as the rules have it.
    sessionExpiry: drawn.sessionExpiry === 0 ? 0 : PERSISTENT_EXPIRY,
    receiveMaximum: 65_535,
    aliases: 0,
    usesAliases: false,
    maximumPacketSize: Infinity,
  }
);

const PERSISTENT_EXPIRY = 900;

export const rules: fc.Arbitrary<Rules> = fc.record({
  queuePolicy: fc.constantFrom<Rules["queuePolicy"]>("dropOldest", "dropNewest", "reject"),
  queueQos0: fc.boolean(),
  receiveMaximum: fc.constantFrom(1, 3, 256),
  sendWindow: fc.constantFrom(1, 3, 256),
  queuedMessagesPerSession: fc.constantFrom(4, 1_000, 1_000, 1_000),
  queuedMessages: fc.constantFrom(10, 100_000, 100_000, 100_000),
  queueHead: fc.constantFrom(1, 3, 256),
  retainedPerTurn: fc.constantFrom(1, 200),
  outboxCongested: fc.constantFrom(1_000, 10_000, 262_144),
  drainTimeout: fc.constantFrom(5, 30),
  pendingWrites: fc.constantFrom(2, 20, 20_000),
  pendingBytes: fc.constantFrom(4_000, 67_108_864, 67_108_864),
  retryInterval: fc.constantFrom(0, 0, 0, 5),
  matchCache: fc.constantFrom(1, 50_000),
  autoSubscribePerTurn: fc.constantFrom(1, 2, 500),
  messageRate: fc.constantFrom(0, 0, 0, 0, 20),
  messageBurst: fc.constantFrom(0, 1),
  listenerMessageRate: fc.constantFrom(0, 0, 0, 0, 40),
  byteRate: fc.constantFrom(0, 0, 0, 0, 5_000),
}).map(({ queuePolicy, queueQos0, ...limits }): Rules => ({
  ...defaultRules,
  queuePolicy,
  queueQos0,
  persistentSessionExpiryInterval: PERSISTENT_EXPIRY,
  limits: {
    ...defaultLimits,
    ...limits,
    queuedMessagesPerIdentity: limits.queuedMessages === 10 ? 6 : 100_000,
    outboxDrained: limits.outboxCongested / 4,
    outboxMaximum: limits.outboxCongested * 40,
    sendWindowBytes: limits.outboxCongested * 10,
  },
}));

export const weather: fc.Arbitrary<Weather> = fc.record({
  delay: fc.constantFrom(0, 3, 50, 2_000),
  buffer: fc.constantFrom(500, 4_000, 65_536),
  piece: fc.constantFrom(7, 100, 4_096),
});

const KINDS = Object.keys(actions) as Action["kind"][];

const WEIGHTS = [0, 1, 1, 3, 8];
/** What there must be some of, or nothing happens. */
const AT_LEAST: Partial<Record<Action["kind"], number>> = {
  connect: 3,
  publish: 8,
  subscribe: 3,
  wait: 5,
};

const swarm = fc.tuple(...KINDS.map(() => fc.constantFrom(...WEIGHTS)));

/** Any run. */
export const scenario: fc.Arbitrary<Scenario> = swarm.chain((weights) =>
  fc.record({
    seed: fc.integer(),
    rules,
    ruleSet: fc.oneof(fc.constant(0), fc.nat(RULE_SETS.length - 1)),
    weather,
    latency: fc.constantFrom(0, 1, 10, 500),
    hiccups: fc.constantFrom(0, 0, 0, 0.02, 0.2),
    profiles: fc.array(profile, { minLength: 2, maxLength: 5 }),
    actions: fc.array(
      fc.oneof(...KINDS.map((kind, at) => ({
        weight: Math.max(weights[at]!, AT_LEAST[kind] ?? 0),
        arbitrary: actions[kind],
      }))),
      { minLength: 5, maxLength: 120, size: "max" },
    ),
  })
);
