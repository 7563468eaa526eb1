/**
 * What a run of the cluster is: its rules, weather, clocks and clients, and the list of what happens, drawn by
 * fast-check as in tests/simulation/scenario.ts.
 */

import fc from "fast-check";
import type { QoS } from "../../src/packet/packet.ts";
import type { Rules } from "../../src/policy/rules.ts";
import type { Profile } from "../simulation/client.ts";
import type { Weather } from "../simulation/network.ts";
import {
  client,
  clientActions,
  connecting,
  profile,
  publishing,
  rules,
  weather,
} from "../simulation/scenario.ts";
import type { Action as SoloAction, Goodbye } from "../simulation/scenario.ts";

/** As many nodes as there are seats. */
export const SEATS = 3;

type Publish = SoloAction & { readonly kind: "publish" };
type Subscribe = SoloAction & { readonly kind: "subscribe" };

/** One thing that happens; `client` counts round the clients of the run, `seat` names a place for a node. */
export type Action =
  | {
    /** `move`: to another node, and the old link is left as it is. */
    readonly kind: "connect" | "takeover" | "move";
    readonly client: number;
    readonly seat: number;
    readonly clean: boolean;
    readonly will: { readonly qos: QoS; readonly retain: boolean; readonly delay: number } | null;
  }
  | { readonly kind: "disconnect"; readonly client: number; readonly how: Goodbye }
  | Publish
  /** Publishes on one node after the other, each time when all is acknowledged; somebody goes away before. */
  | {
    readonly kind: "tour";
    readonly client: number;
    readonly absent: number;
    readonly topic: number;
    readonly qos: 1 | 2;
    readonly count: number;
  }
  /** Others come to one group, some take nothing; it gets messages, and then a node is no more, or stands still. */
  | {
    readonly kind: "share";
    readonly client: number;
    readonly qos: 1 | 2;
    readonly count: number;
    /** Of the members, from the first on. */
    readonly stalled: number;
    readonly milliseconds: number;
    readonly seat: number;
    readonly end: "crash" | "retire" | "pause" | "none";
    /** How the members that were there come to the next node. */
    readonly back: "clean" | "resuming" | "none";
    readonly down: number;
  }
  | Subscribe
  | { readonly kind: "unsubscribe"; readonly client: number; readonly filter: number }
  | { readonly kind: "stall" | "resume" | "halfOpen"; readonly client: number }
  /** It dies; or ends in good order, as for an upgrade. */
  | { readonly kind: "crash" | "retire"; readonly seat: number; readonly down: number }
  /** The process stands still; the way to the shared state is cut; for so long. */
  | { readonly kind: "pause" | "cut"; readonly seat: number; readonly milliseconds: number }
  /** The shared state can be reached by nobody. */
  | { readonly kind: "outage"; readonly milliseconds: number }
  /** An administrator asks something of a node about a session, wherever that is. */
  | {
    readonly kind: "manage";
    readonly client: number;
    readonly seat: number;
    readonly what: "deleteSession" | "purgeQueue" | "fetch" | "kick";
  }
  | { readonly kind: "audit" }
  | { readonly kind: "wait"; readonly milliseconds: number };

export interface Scenario {
  readonly seed: number;
  readonly rules: Rules;
  readonly localFirst: boolean;
  readonly weather: Weather;
  readonly latency: number;
  readonly lost: number;
  readonly skews: readonly number[];
  readonly profiles: readonly Profile[];
  readonly actions: readonly Action[];
}

const seat = fc.nat(SEATS - 1);

/** Some shorter than a lease, some longer. */
const milliseconds = fc.constantFrom(50, 1_000, 4_000, 7_000, 20_000);

const down = fc.constantFrom(0, 10, 1_000, 8_000, 30_000);

const actions: Readonly<Record<Action["kind"], fc.Arbitrary<Action>>> = {
  connect: connectAction("connect"),
  takeover: connectAction("takeover"),
  move: connectAction("move"),
  disconnect: clientActions.disconnect,
  publish: publishing(0, 0, 0, 0, 0, 0, 0, 1, 30),
  tour: fc.record({
    kind: fc.constant("tour" as const),
    client,
    absent: client,
    topic: fc.constantFrom(1, 1, 2, 5),
    qos: fc.constantFrom<1 | 2>(1, 2),
    count: fc.constantFrom(1, 3),
  }),
  share: fc.record({
    kind: fc.constant("share" as const),
    client,
    qos: fc.constantFrom<1 | 2>(1, 1, 2),
    count: fc.constantFrom(1, 3, 10),
    stalled: fc.constantFrom(0, 1, 2, 4),
    milliseconds: fc.constantFrom(0, 3, 20, 300, 6_000),
    seat,
    end: fc.constantFrom("crash", "crash", "retire", "pause", "none"),
    back: fc.constantFrom("clean", "clean", "resuming", "none"),
    down,
  }) as fc.Arbitrary<Action>,
  subscribe: clientActions.subscribe,
  unsubscribe: clientActions.unsubscribe,
  stall: clientActions.stall,
  resume: clientActions.resume,
  halfOpen: clientActions.halfOpen,
  crash: downAction("crash"),
  retire: downAction("retire"),
  pause: fc.record({ kind: fc.constant("pause" as const), seat, milliseconds }),
  cut: fc.record({ kind: fc.constant("cut" as const), seat, milliseconds }),
  outage: fc.record({ kind: fc.constant("outage" as const), milliseconds }),
  manage: fc.record({
    kind: fc.constant("manage" as const),
    client,
    seat,
    what: fc.constantFrom("deleteSession", "deleteSession", "purgeQueue", "fetch", "kick"),
  }) as fc.Arbitrary<Action>,
  audit: fc.record({ kind: fc.constant("audit" as const) }),
  wait: fc.record({
    kind: fc.constant("wait" as const),
    milliseconds: fc.constantFrom(0, 1, 1, 5, 5, 20, 20, 100, 100, 1_000, 7_000, 40_000),
  }),
};

function downAction(kind: "crash" | "retire"): fc.Arbitrary<Action> {
  return fc.record({ kind: fc.constant(kind), seat, down });
}

function connectAction(kind: "connect" | "takeover" | "move"): fc.Arbitrary<Action> {
  return fc.record({
    kind: fc.constant(kind),
    client,
    seat,
    ...connecting,
  }) as fc.Arbitrary<Action>;
}

/** Every node is alive for as long as a session may last, so they are shorter. */
const brief = profile.map((drawn): Profile => ({
  ...drawn,
  sessionExpiry: Math.min(drawn.sessionExpiry, 900),
}));

/** Where no session ends with its connection, nothing that is lost is excused by that. */
function lasting(drawn: Profile): Profile {
  return {
    ...drawn,
    sessionExpiry: Math.max(drawn.sessionExpiry, drawn.version === 4 ? 900 : 600),
  };
}

const KINDS = Object.keys(actions) as Action["kind"][];

const WEIGHTS = [0, 0, 1, 1, 3, 8];
/** What there must be some of, or nothing happens. */
const AT_LEAST: Partial<Record<Action["kind"], number>> = {
  connect: 3,
  move: 2,
  publish: 8,
  subscribe: 3,
  wait: 5,
};
/** What ends what is going on: no more than so often. */
const AT_MOST: Partial<Record<Action["kind"], number>> = {
  crash: 3,
  retire: 3,
  pause: 3,
  cut: 3,
  outage: 1,
  tour: 3,
  share: 3,
  manage: 3,
};

const swarm = fc.tuple(...KINDS.map(() => fc.constantFrom(...WEIGHTS)));

/** Any run. */
export const scenario: fc.Arbitrary<Scenario> = swarm.chain((weights) =>
  fc.record({
    seed: fc.integer(),
    rules,
    localFirst: fc.boolean(),
    weather,
    latency: fc.constantFrom(0, 1, 10, 100),
    lost: fc.constantFrom(0, 0, 0.02, 0.1),
    skews: fc.constantFrom([0, 0, 0], [0, 0, 0], [0, -1_000, 1_000], [1_500, 0, -500]),
    profiles: fc.tuple(fc.boolean(), fc.array(brief, { minLength: 2, maxLength: 5 }))
      .map(([lasts, profiles]) => lasts ? profiles.map(lasting) : profiles),
    actions: fc.array(
      fc.oneof(...KINDS.map((kind, at) => ({
        weight: Math.min(
          AT_MOST[kind] ?? Infinity,
          Math.max(weights[at]!, AT_LEAST[kind] ?? 0),
        ),
        arbitrary: actions[kind],
      }))),
      { minLength: 5, maxLength: 80, size: "max" },
    ),
  })
);
