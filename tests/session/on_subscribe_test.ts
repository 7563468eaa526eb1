import assert from "node:assert/strict";
import type { Subscribe, SubscriptionOptions } from "../../src/packet/packet.ts";
import { Reason } from "../../src/packet/reason_code.ts";
import type { Demand } from "../../src/session/effect.ts";
import { onSubscribe } from "../../src/session/on_subscribe.ts";
import type { Session } from "../../src/session/session.ts";
import type { Subscription, SubscriptionMap } from "../../src/session/subscription_map.ts";
import {
  allSubscriptions,
  NO_SUBSCRIPTIONS,
  subscriptionOf,
  withSubscription,
} from "../../src/session/subscription_map.ts";
import { deepFreeze } from "../deep_freeze.ts";
import {
  given,
  idMap,
  isDisconnect,
  options,
  rules,
  session,
  version,
  VERSIONS,
} from "./values.ts";

function subscribe(...requests: (string | readonly [string, SubscriptionOptions])[]): Subscribe {
  const subscriptions = requests.map((request) => {
    const [filter, chosen] = typeof request === "string" ? [request, options(1)] : request;
    return { filter, options: chosen };
  });
  return deepFreeze({ type: "subscribe", packetId: 77, subscriptions, userProperties: undefined });
}

function subscription(full: string, chosen = options(1)): Subscription {
  const shared = /^\$share\/([^/]+)\/(.*)$/.exec(full);
  return { full, filter: shared?.[2] ?? full, shareName: shared?.[1], options: chosen };
}

function mapOf(...subscriptions: Subscription[]): SubscriptionMap {
  return subscriptions.reduce(withSubscription, NO_SUBSCRIPTIONS);
}

function answerOf(effects: readonly Demand[]) {
  const answer = effects.at(-1);
  assert.ok(answer?.type === "subscribe", `${answer?.type}`);
  return answer;
}

for (const v of VERSIONS) {
  for (const stored of [true, false]) {
    const kind = `${version(v)}, ${stored ? "stored" : "not stored"}`;

    Deno.test(`onSubscribe() grants each filter the QoS asked for, in one SUBACK, ${kind} [MQTT-3.8.4-5] [MQTT-3.8.4-7] [MQTT-3.9.3-1]`, () => {
      const before = session(stored);
      const wanted = [
        subscription("a/+", options(0)),
        subscription("#", options(2)),
        subscription("$share/g/x/#", options(1)),
        subscription("$SYS/#", options(1)),
      ];
      const packet = subscribe(...wanted.map((each) => [each.full, each.options] as const));
      const { state, effects } = onSubscribe(before, packet, given({ version: v }));
      assert.deepEqual(effects, [{
        type: "subscribe",
        granted: wanted.map((each) => ({ subscription: each, existed: false })),
        receipt: {
          type: "suback",
          packetId: 77,
          reasonCodes: [0, 2, 1, 1],
          properties: undefined,
        },
        writes: stored
          ? wanted.map((each) => ({
            type: "putSubscription",
            clientId: "c",
            subscription: each,
          }))
          : [],
      }]);
      assert.deepEqual(state, { ...before, subscriptions: mapOf(...wanted) });
    });

    Deno.test(`onSubscribe() replaces a subscription when the filter is the same, ${kind} [MQTT-3.8.4-3]`, () => {
      const before = session(stored, { subscriptions: mapOf(subscription("a", options(2))) });
      const packet = subscribe(["a", options(0)], ["b", options(1)], ["b", options(2)]);
      const { state, effects } = onSubscribe(before, packet, given({ version: v }));
      const { granted, receipt, writes } = answerOf(effects);
      assert.deepEqual(granted.map(({ existed }) => existed), [true, false, true]);
      assert.deepEqual(receipt.reasonCodes, [0, 1, 2]);
      assert.equal(writes.length, stored ? 3 : 0);
      assert.equal(state.subscriptions.size, 2);
      assert.equal(subscriptionOf(state.subscriptions, "a")?.options.qos, 0);
      assert.equal(subscriptionOf(state.subscriptions, "b")?.options.qos, 2);
    });
  }

  Deno.test(`onSubscribe() ${v === 5 ? "answers 0x8F" : "ends the connection"} when a filter is not well-formed, ${version(v)} [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.8.2-2]`, () => {
    for (const bad of ["", "a/#/b", "a#", "a+", "$share", "$share//a", "$share/g", "$share/g/"]) {
      const before = session(true);
      const { state, effects } = onSubscribe(before, subscribe("ok", bad), given({ version: v }));
      if (v === 5) {
        const { receipt, granted } = answerOf(effects);
        assert.deepEqual(receipt.reasonCodes, [1, Reason.topicFilterInvalid], bad);
        assert.equal(granted.length, 1);
        assert.deepEqual(allSubscriptions(state.subscriptions), [subscription("ok")]);
        assert.equal(effects.length, 2);
      } else {
        assert.equal(state, before);
        assert.equal(effects.length, 1);
        assert.ok(isDisconnect(effects[0], Reason.topicFilterInvalid), bad);
      }
    }
  });
}

interface Refusal {
  readonly when: string;
  readonly filter: string;
  readonly reasonCode: number;
  readonly given?: Parameters<typeof given>[0];
  readonly session?: Partial<Session>;
  readonly versions: readonly (3 | 4 | 5)[];
}

const full = mapOf(subscription("a"), subscription("b"));
const refusals: readonly Refusal[] = [
  {
    when: "the packet id awaits its PUBREL",
    filter: "new",
    reasonCode: Reason.packetIdentifierInUse,
    session: { received: idMap([77, 1]) },
    versions: [5],
  },
  {
    when: "it is shared and that is off",
    filter: "$share/g/a",
    reasonCode: Reason.sharedSubscriptionsNotSupported,
    given: { rules: rules({}, { sharedSubscriptions: false }) },
    versions: VERSIONS,
  },
  {
    when: "the session has as many subscriptions as it may",
    filter: "new",
    reasonCode: Reason.quotaExceeded,
    given: { rules: rules({ subscriptionsPerSession: 2 }) },
    session: { subscriptions: full },
    versions: VERSIONS,
  },
];
for (const row of refusals) {
  for (const v of row.versions) {
    Deno.test(`onSubscribe() refuses a filter and says why when ${row.when}, ${version(v)} [MQTT-3.9.3-2]`, () => {
      const before = session(true, row.session);
      const facts = given({ version: v, ...row.given });
      const { state, effects } = onSubscribe(before, subscribe(row.filter), facts);
      assert.equal(state, before);
      const [observed, ...others] = effects;
      assert.ok(observed?.type === "observe" && observed.fact.type === "refused");
      const { detail, ...fact } = observed.fact;
      assert.deepEqual(fact, {
        type: "refused",
        clientId: "c",
        action: "subscribe",
        topic: row.filter,
        reasonCode: row.reasonCode,
      });
      assert.ok(detail.length > 0);
      assert.deepEqual(others, [{
        type: "subscribe",
        granted: [],
        receipt: {
          type: "suback",
          packetId: 77,
          reasonCodes: [row.reasonCode],
          properties: undefined,
        },
        writes: [],
      }]);
    });
  }
}

Deno.test("onSubscribe() lets a subscription be replaced when the session has as many as it may", () => {
  const { effects } = onSubscribe(
    session(true, { subscriptions: full }),
    subscribe("a", "new"),
    given({ rules: rules({ subscriptionsPerSession: 2 }) }),
  );
  assert.deepEqual(answerOf(effects).receipt.reasonCodes, [1, Reason.quotaExceeded]);
});

Deno.test("onSubscribe() grants up to the limit when one SUBSCRIBE asks for more", () => {
  const { state, effects } = onSubscribe(
    session(true),
    subscribe("a", "b", "a", "c", "d"),
    given({ rules: rules({ subscriptionsPerSession: 3 }) }),
  );
  assert.deepEqual(answerOf(effects).receipt.reasonCodes, [1, 1, 1, 1, Reason.quotaExceeded]);
  assert.equal(state.subscriptions.size, 3);
});

/** [filters in the packet, all refused] */
for (const [count, refused] of [[2, false], [3, true]] as const) {
  Deno.test(`onSubscribe() ${refused ? "refuses all" : "grants all"} when ${count} filters come where 2 may`, () => {
    const filters = ["a", "b", "c"].slice(0, count);
    const { effects } = onSubscribe(
      session(true),
      subscribe(...filters),
      given({ rules: rules({ filtersPerSubscribe: 2 }) }),
    );
    const code = refused ? Reason.quotaExceeded : 1;
    assert.deepEqual(answerOf(effects).receipt.reasonCodes, filters.map(() => code));
  });
}

Deno.test("onSubscribe() keeps every option when a 5.0 client gives them [MQTT-3.8.3-3] [MQTT-3.3.1-10]", () => {
  const chosen = options(2, {
    noLocal: true,
    retainAsPublished: true,
    retainHandling: 1,
    subscriptionIdentifier: 268_435_455,
  });
  const { effects } = onSubscribe(session(true), subscribe(["a", chosen]), given());
  assert.deepEqual(answerOf(effects).granted, [
    { subscription: subscription("a", chosen), existed: false },
  ]);
});

Deno.test("onSubscribe() takes levels up to the limit when a filter is deep", () => {
  const facts = given({ rules: rules({ topicLevels: 3 }) });
  const { effects } = onSubscribe(session(true), subscribe("a/b/c", "a/b/c/d"), facts);
  assert.deepEqual(answerOf(effects).receipt.reasonCodes, [1, Reason.topicFilterInvalid]);
});

for (const v of [3, 4] as const) {
  Deno.test(`onSubscribe() grants the filter when the packet id awaits its PUBREL, ${version(v)}`, () => {
    const before = session(true, { received: idMap([77, 1]) });
    const { effects } = onSubscribe(before, subscribe("a"), given({ version: v }));
    assert.deepEqual(answerOf(effects).receipt.reasonCodes, [1]);
  });
}
