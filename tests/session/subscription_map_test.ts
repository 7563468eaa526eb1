import assert from "node:assert/strict";
import fc from "fast-check";
import type { Subscription } from "../../src/session/subscription_map.ts";
import {
  allSubscriptions,
  NO_SUBSCRIPTIONS,
  placeOf,
  sharedOptions,
  subscriptionOf,
  withoutSubscription,
  withSubscription,
} from "../../src/session/subscription_map.ts";
import { deepFreeze } from "../deep_freeze.ts";
import { options } from "./values.ts";

function subscription(full: string, identifier?: number): Subscription {
  return deepFreeze({
    full,
    filter: full,
    shareName: undefined,
    options: options(1, { subscriptionIdentifier: identifier }),
  });
}

Deno.test("withoutSubscription() gives the same map back when it has not the filter", () => {
  const map = deepFreeze(withSubscription(NO_SUBSCRIPTIONS, subscription("a/b")));
  assert.equal(withoutSubscription(map, "a/c"), map);
  assert.equal(withoutSubscription(NO_SUBSCRIPTIONS, "a/b"), NO_SUBSCRIPTIONS);
});

Deno.test("withoutSubscription() leaves an empty map when the last one goes", () => {
  const map = withSubscription(NO_SUBSCRIPTIONS, subscription("a/b"));
  assert.deepEqual(withoutSubscription(deepFreeze(map), "a/b"), NO_SUBSCRIPTIONS);
});

Deno.test("withSubscription() replaces when the full filter is the same, $share and all [MQTT-3.8.4-3]", () => {
  const plain = subscription("a", 1);
  const shared = { ...subscription("$share/g/a", 2), filter: "a", shareName: "g" };
  let map = withSubscription(deepFreeze(withSubscription(NO_SUBSCRIPTIONS, plain)), shared);
  assert.equal(map.size, 2);
  map = withSubscription(deepFreeze(map), subscription("a", 3));
  assert.equal(map.size, 2);
  assert.equal(subscriptionOf(map, "a")?.options.subscriptionIdentifier, 3);
  assert.equal(subscriptionOf(map, "$share/g/a"), shared);
});

/** More filters than the hash has places are not needed to meet: 2,000 of 65,535 make some 30 pairs. */
Deno.test("SubscriptionMap does what a Map does when two thousand filters come and half of them go", () => {
  let map = NO_SUBSCRIPTIONS;
  const oracle = new Map<string, Subscription>();
  for (let n = 0; n < 2_000; n++) {
    const one = subscription(`plant/${n}/state`);
    map = withSubscription(map, one);
    oracle.set(one.full, one);
  }
  const meet = countBy(map);
  assert.ok(meet > 0, "no two filters share a place: the test shows nothing");
  for (let n = 0; n < 2_000; n += 2) {
    map = withoutSubscription(map, `plant/${n}/state`);
    oracle.delete(`plant/${n}/state`);
  }
  assert.equal(map.size, 1_000);
  for (let n = 0; n < 2_000; n++) {
    const full = `plant/${n}/state`;
    assert.equal(subscriptionOf(map, full), oracle.get(full));
  }
});

function countBy(map: typeof NO_SUBSCRIPTIONS): number {
  return map.size - map.byHash.size;
}

const steps = fc.array(
  fc.record({
    add: fc.boolean(),
    full: fc.oneof(
      fc.constantFrom("a", "a/b", "#", "+/a", "$share/g/a", "$share/h/a", "ü/😀"),
      fc.string({ minLength: 1, maxLength: 3 }),
    ),
    identifier: fc.integer({ min: 1, max: 9 }),
  }),
  { maxLength: 60 },
);

Deno.test("SubscriptionMap does what a Map does when filters are added and removed, and old maps stay", () => {
  fc.assert(
    fc.property(steps, (taken) => {
      let map = NO_SUBSCRIPTIONS;
      const oracle = new Map<string, Subscription>();
      const versions: [typeof map, Subscription[]][] = [];
      for (const { add, full, identifier } of taken) {
        deepFreeze(map);
        if (add) {
          const one = subscription(full, identifier);
          map = withSubscription(map, one);
          oracle.set(full, one);
        } else {
          map = withoutSubscription(map, full);
          oracle.delete(full);
        }
        assert.equal(map.size, oracle.size);
        assert.equal(subscriptionOf(map, full), oracle.get(full));
        versions.push([map, [...oracle.values()]]);
      }
      for (const [version, expected] of versions) {
        assert.deepEqual(new Set(allSubscriptions(version)), new Set(expected));
        assert.equal(allSubscriptions(version).length, version.size);
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("withSubscription() lets nobody make filters that pile up in one place", () => {
  const meeting: string[] = [];
  for (let n = 0; meeting.length < 300; n++) if (placeOf(`a${n}`, 0) === 1) meeting.push(`a${n}`);
  let map = NO_SUBSCRIPTIONS;
  for (const full of meeting) map = withSubscription(map, subscription(full));
  assert.equal(map.byHash.size, 1, "all of them meet at the first depth");
  assert.deepEqual(allSubscriptions(map).map(({ full }) => full).sort(), [...meeting].sort());
  for (const full of meeting) {
    assert.equal(subscriptionOf(map, full)?.full, full);
    // As deep as its search goes: where it is told from all others.
    const rivals = meeting.filter((other) => other !== full);
    const depth = [0, 1, 2, 3].find((depth) => !rivals.some((other) => agree(full, other, depth)));
    assert.ok(depth !== undefined, `${full} meets another one at four depths`);
  }
  for (const full of meeting) map = withoutSubscription(map, full);
  assert.deepEqual([map.size, map.byHash.size], [0, 0]);
});

function agree(one: string, other: string, depth: number): boolean {
  for (let at = 0; at <= depth; at++) if (placeOf(one, at) !== placeOf(other, at)) return false;
  return true;
}

Deno.test("sharedOptions() gives equal options, the same object for the same ones", () => {
  for (const qos of [0, 1, 2] as const) {
    for (const retainHandling of [0, 1, 2] as const) {
      for (
        const [noLocal, retainAsPublished] of [[false, false], [true, false], [
          false,
          true,
        ]] as const
      ) {
        const made = options(qos, { retainHandling, noLocal, retainAsPublished });
        assert.deepEqual(sharedOptions(made), made);
        assert.equal(sharedOptions(made), sharedOptions({ ...made }));
      }
    }
  }
  const identified = options(1, { subscriptionIdentifier: 7 });
  assert.equal(sharedOptions(identified), identified);
});
