import assert from "node:assert/strict";
import fc from "fast-check";
import type { QoS, SubscriptionOptions } from "../../src/packet/packet.ts";
import type { AutoSubscription } from "../../src/policy/auto_subscriptions.ts";
import type { Presence } from "../../src/session/reconcile.ts";
import { reconcile } from "../../src/session/reconcile.ts";
import type { Session } from "../../src/session/session.ts";
import { newSession } from "../../src/session/session.ts";
import type { Subscription } from "../../src/session/subscription_map.ts";
import {
  allSubscriptions,
  NO_SUBSCRIPTIONS,
  originOf,
  withoutSubscription,
  withoutUnsubscribed,
  withSubscription,
  withUnsubscribed,
} from "../../src/session/subscription_map.ts";
import type { Write } from "../../src/session/write.ts";
import { deepFreeze } from "../deep_freeze.ts";

function options(qos: QoS, retainHandling: 0 | 1 | 2 = 1): SubscriptionOptions {
  return {
    qos,
    noLocal: false,
    retainAsPublished: false,
    retainHandling,
    subscriptionIdentifier: undefined,
  };
}

function rule(full: string, qos: QoS = 1, rest: Partial<AutoSubscription> = {}): AutoSubscription {
  const shareName = full.startsWith("$share/g/") ? "g" : undefined;
  const filter = full.replace("$share/g/", "");
  return { full, filter, shareName, options: options(qos), rule: "r", pinned: false, ...rest };
}

function wanted(...all: readonly AutoSubscription[]) {
  return new Map(all.map((each) => [each.full, each]));
}

function own(full: string, qos: QoS = 0): Subscription {
  return { full, filter: full, shareName: undefined, options: options(qos) };
}

function session(...has: readonly Subscription[]): Session {
  const subscriptions = has.reduce(withSubscription, NO_SUBSCRIPTIONS);
  return deepFreeze({ ...newSession("c", { user: undefined, roles: [] }, 60), subscriptions });
}

/** A session whose client has unsubscribed from that filter. */
function without(full: string): Session {
  const bare = session();
  return deepFreeze({ ...bare, subscriptions: withUnsubscribed(bare.subscriptions, full) });
}

/** A session that was made before its client came. */
function awaiting(...has: readonly Subscription[]): Session {
  const bare = session(...has);
  return deepFreeze({ ...bare, subscriptions: { ...bare.subscriptions, awaited: true } });
}

function lines({ subscriptions }: Session): readonly string[] {
  return allSubscriptions(subscriptions).map((each) =>
    `${each.full} q${each.options.qos} ${originOf(each)}${each.unseen ? " unseen" : ""}`
  ).sort();
}

const MADE: Subscription = { ...own("a", 1), origin: "r" };

/** [what, given, rules, presence, what it has then, retained for, changed, writes] */
const table: readonly (readonly [
  string,
  Session,
  ReadonlyMap<string, AutoSubscription>,
  Presence,
  readonly string[],
  readonly string[],
  readonly string[],
  readonly string[],
])[] = [
  [
    "a rule is new at CONNECT",
    session(),
    wanted(rule("a")),
    "connecting",
    ["a q1 r"],
    ["a"],
    ["a"],
    ["put a"],
  ],
  [
    "a rule is new for who is here",
    session(),
    wanted(rule("a")),
    "here",
    ["a q1 r"],
    ["a"],
    ["a"],
    ["put a"],
  ],
  ["a rule is new for who is away", session(), wanted(rule("a")), "away", ["a q1 r unseen"], [], [
    "a",
  ], ["put a"]],
  ["it is there", session(MADE), wanted(rule("a")), "connecting", ["a q1 r"], [], [], []],
  [
    "it is there, and Retain Handling is 0",
    session({ ...MADE, options: options(1, 0) }),
    wanted(rule("a", 1, { options: options(1, 0) })),
    "connecting",
    ["a q1 r"],
    ["a"],
    [],
    [],
  ],
  [
    "it is there, Retain Handling is 0, and the client has been here",
    session({ ...MADE, options: options(1, 0) }),
    wanted(rule("a", 1, { options: options(1, 0) })),
    "here",
    ["a q1 r"],
    [],
    [],
    [],
  ],
  [
    "it was made while the client was away",
    session({ ...MADE, unseen: true }),
    wanted(rule("a")),
    "connecting",
    ["a q1 r"],
    ["a"],
    [],
    ["put a"],
  ],
  [
    "it is unseen still",
    session({ ...MADE, unseen: true }),
    wanted(rule("a")),
    "away",
    ["a q1 r unseen"],
    [],
    [],
    [],
  ],
  [
    "its options change while it is unseen",
    session({ ...MADE, unseen: true }),
    wanted(rule("a", 2)),
    "away",
    ["a q2 r unseen"],
    [],
    ["a"],
    ["put a"],
  ],
  [
    "retained messages are wanted no more",
    session({ ...MADE, unseen: true }),
    wanted(rule("a", 1, { options: options(1, 2) })),
    "connecting",
    ["a q1 r"],
    [],
    ["a"],
    ["put a"],
  ],
  ["its options change", session(MADE), wanted(rule("a", 2)), "here", ["a q2 r"], [], ["a"], [
    "put a",
  ]],
  [
    "its rule has another name",
    session(MADE),
    wanted(rule("a", 1, { rule: "s" })),
    "here",
    ["a q1 s"],
    [],
    [],
    ["put a"],
  ],
  ["its rule is no more", session(MADE, own("b")), wanted(), "here", ["b q0 client"], [], [], [
    "delete a",
  ]],
  [
    "the client has its own",
    session(own("a")),
    wanted(rule("a", 2, { pinned: true })),
    "here",
    ["a q0 client"],
    [],
    [],
    [],
  ],
  ["it is shared", session(), wanted(rule("$share/g/a")), "away", ["$share/g/a q1 r"], [], [
    "$share/g/a",
  ], ["put $share/g/a"]],
  [
    "the client has unsubscribed",
    without("a"),
    wanted(rule("a"), rule("b")),
    "here",
    ["b q1 r"],
    ["b"],
    ["b"],
    ["put b"],
  ],
  [
    "the client has unsubscribed, and the rule is pinned",
    without("a"),
    wanted(rule("a", 1, { pinned: true })),
    "here",
    ["a q1 r"],
    ["a"],
    ["a"],
    ["put a"],
  ],
  [
    "a client that was never here has subscriptions of its own",
    awaiting({ ...own("b"), unseen: true }),
    wanted(),
    "connecting",
    ["b q0 client"],
    ["b"],
    [],
    ["put b"],
  ],
];

for (const [what, given, rules, presence, has, retained, changed, writes] of table) {
  Deno.test(`reconcile() does what the table says when ${what}`, () => {
    const result = reconcile(given, rules, presence);
    assert.deepEqual(lines(result.session), has);
    assert.deepEqual(
      result.made.flatMap((each) => each.retained ? [each.subscription.full] : []),
      retained,
    );
    assert.deepEqual(
      result.made.flatMap((each) => each.changed ? [each.subscription.full] : []),
      changed,
    );
    assert.deepEqual(result.writes.map(textOf), writes);
    if (writes.length === 0) assert.equal(result.session, given);
    assert.deepEqual(reconcile({ ...given, stored: false }, rules, presence).writes, []);
  });
}

function textOf(write: Write): string {
  if (write.type === "putSubscription") return `put ${write.subscription.full}`;
  assert.equal(write.type, "deleteSubscription");
  return `delete ${(write as Write & { type: "deleteSubscription" }).filter}`;
}

const FULLS = ["a", "b", "c", "$share/g/a"];
const anyRules = fc.uniqueArray(
  fc.record({
    full: fc.constantFrom(...FULLS),
    qos: fc.constantFrom<QoS>(0, 1, 2),
    pinned: fc.boolean(),
  }),
  { selector: ({ full }) => full },
).map((all) => wanted(...all.map(({ full, qos, pinned }) => rule(full, qos, { pinned }))));

type Deed =
  | { readonly rules: ReadonlyMap<string, AutoSubscription>; readonly presence: Presence }
  | { readonly own: string; readonly qos: QoS }
  | { readonly unsubscribed: string };

const deeds: fc.Arbitrary<Deed> = fc.oneof(
  fc.record({
    rules: anyRules,
    presence: fc.constantFrom<Presence>("connecting", "here", "away"),
  }),
  fc.record({ own: fc.constantFrom(...FULLS.slice(0, 3)), qos: fc.constantFrom<QoS>(0, 1, 2) }),
  fc.record({ unsubscribed: fc.constantFrom(...FULLS) }),
);

Deno.test("reconcile() leaves what is the client's, and else what the rules want, when anything has happened", () => {
  fc.assert(
    fc.property(fc.array(deeds, { maxLength: 20 }), (all) => {
      let now = session();
      const disk = new Map<string, Subscription>();
      for (const deed of all) {
        if ("own" in deed) {
          const open = withoutUnsubscribed(now.subscriptions, deed.own);
          const added = own(deed.own, deed.qos);
          now = { ...now, subscriptions: withSubscription(open, added) };
          disk.set(added.full, added);
        } else if ("unsubscribed" in deed) {
          const known = allSubscriptions(now.subscriptions).find(({ full }) =>
            full === deed.unsubscribed
          );
          if (known?.origin === undefined) continue;
          const subscriptions = withoutSubscription(now.subscriptions, deed.unsubscribed);
          now = { ...now, subscriptions: withUnsubscribed(subscriptions, known.full) };
          disk.delete(known.full);
        } else {
          const before = new Set(now.subscriptions.unsubscribed);
          const result = reconcile(now, deed.rules, deed.presence);
          for (const write of result.writes) {
            if (write.type === "putSubscription") {
              disk.set(write.subscription.full, write.subscription);
            }
            if (write.type === "deleteSubscription") disk.delete(write.filter);
          }
          const expected = [
            ...allSubscriptions(now.subscriptions).filter(({ origin }) => origin === undefined)
              .map(({ full, options }) => `${full} q${options.qos}`),
            ...[...deed.rules.values()].filter(({ full, pinned }) =>
              (pinned || !before.has(full)) &&
              !allSubscriptions(now.subscriptions).some((each) =>
                each.full === full && each.origin === undefined
              )
            ).map(({ full, options }) => `${full} q${options.qos}`),
          ].sort();
          now = result.session;
          const has = allSubscriptions(now.subscriptions);
          assert.deepEqual(
            has.map(({ full, options }) => `${full} q${options.qos}`).sort(),
            expected,
          );
          assert.equal(
            now.subscriptions.made,
            has.filter(({ origin }) => origin !== undefined).length,
          );
          const again = reconcile(
            now,
            deed.rules,
            deed.presence === "connecting" ? "here" : deed.presence,
          );
          assert.deepEqual([again.made, again.removed, again.writes], [[], [], []]);
        }
      }
      const has = allSubscriptions(now.subscriptions);
      assert.deepEqual(
        new Map(has.map((each) => [each.full, each])),
        new Map(has.map(({ full }) => [full, disk.get(full)!])),
      );
      assert.equal(disk.size, has.length);
    }),
    { numRuns: 1_000 },
  );
});
