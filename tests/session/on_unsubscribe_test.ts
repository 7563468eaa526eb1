import assert from "node:assert/strict";
import type { Unsubscribe } from "../../src/packet/packet.ts";
import { Reason } from "../../src/packet/reason_code.ts";
import { onUnsubscribe } from "../../src/session/on_unsubscribe.ts";
import type { Subscription } from "../../src/session/subscription_map.ts";
import { NO_SUBSCRIPTIONS, withSubscription } from "../../src/session/subscription_map.ts";
import { deepFreeze } from "../deep_freeze.ts";
import {
  delivery,
  given,
  idMap,
  inflight,
  isDisconnect,
  options,
  queueOf,
  rules,
  session,
  version,
  VERSIONS,
} from "./values.ts";

function unsubscribe(...filters: string[]): Unsubscribe {
  return deepFreeze({ type: "unsubscribe", packetId: 77, filters, userProperties: undefined });
}

const A: Subscription = { full: "a/+", filter: "a/+", shareName: undefined, options: options(1) };
const B: Subscription = { ...A, full: "b", filter: "b" };
const SHARED: Subscription = { ...A, full: "$share/g/b", filter: "b", shareName: "g" };
const three = [A, B, SHARED].reduce(withSubscription, NO_SUBSCRIPTIONS);

function unsuback(...reasonCodes: number[]) {
  return { type: "unsuback", packetId: 77, reasonCodes, properties: undefined } as const;
}

for (const v of VERSIONS) {
  for (const stored of [true, false]) {
    const kind = `${version(v)}, ${stored ? "stored" : "not stored"}`;
    const deleted = (filter: string) => ({ type: "deleteSubscription", clientId: "c", filter });

    Deno.test(`onUnsubscribe() takes away what is the same character by character, ${kind} [MQTT-3.10.4-1] [MQTT-3.10.4-6] [MQTT-3.11.3-1]`, () => {
      const before = session(stored, { subscriptions: three });
      const packet = unsubscribe("a/x", "$share/g/b", "a/+", "a/+");
      const { state, effects } = onUnsubscribe(before, packet, given({ version: v }));
      assert.deepEqual(state, { ...before, subscriptions: withSubscription(NO_SUBSCRIPTIONS, B) });
      assert.deepEqual(effects, [{
        type: "unsubscribe",
        removed: [SHARED, A],
        restored: [],
        receipt: unsuback(0x11, 0, 0, 0x11),
        writes: stored ? ["a/x", "$share/g/b", "a/+", "a/+"].map(deleted) : [],
      }]);
    });

    Deno.test(`onUnsubscribe() answers and changes nothing when nothing matches, ${kind} [MQTT-3.10.4-5]`, () => {
      const before = session(stored, { subscriptions: three });
      const { state, effects } = onUnsubscribe(
        before,
        unsubscribe("#", "B"),
        given({ version: v }),
      );
      assert.equal(state, before);
      assert.deepEqual(effects, [
        {
          type: "unsubscribe",
          removed: [],
          restored: [],
          receipt: unsuback(0x11, 0x11),
          // What was taken away by others than the client may not be durable yet.
          writes: stored ? [deleted("#"), deleted("B")] : [],
        },
      ]);
    });
  }

  Deno.test(`onUnsubscribe() leaves what is inflight and queued as it is, ${version(v)} [MQTT-3.10.4-3]`, () => {
    const before = session(true, {
      subscriptions: three,
      inflight: idMap([1, inflight("pubrec", 1)]),
      queue: queueOf(delivery(5)),
    });
    const { state } = onUnsubscribe(before, unsubscribe("b"), given({ version: v }));
    assert.notEqual(state, before);
    assert.equal(state.inflight, before.inflight);
    assert.equal(state.queue, before.queue);
  });

  Deno.test(`onUnsubscribe() ${v === 5 ? "answers 0x8F" : "ends the connection"} when a filter is not well-formed, ${version(v)} [MQTT-4.7.3-1]`, () => {
    for (const bad of ["", "a/#/b", "a+", "$share/g"]) {
      const before = session(true, { subscriptions: three });
      const { state, effects } = onUnsubscribe(
        before,
        unsubscribe("b", bad),
        given({ version: v }),
      );
      assert.equal(effects.length, 1);
      if (v === 5) {
        assert.ok(effects[0]?.type === "unsubscribe");
        assert.deepEqual(effects[0].receipt, unsuback(0, Reason.topicFilterInvalid));
        assert.equal(state.subscriptions.size, 2);
      } else {
        assert.equal(state, before);
        assert.ok(isDisconnect(effects[0], Reason.topicFilterInvalid));
      }
    }
  });

  Deno.test(`onUnsubscribe() ${v === 5 ? "refuses all" : "ends the connection"} when more filters come than may, ${version(v)}`, () => {
    const before = session(true, { subscriptions: three });
    const facts = given({ version: v, rules: rules({ filtersPerSubscribe: 2 }) });
    const { state, effects } = onUnsubscribe(before, unsubscribe("b", "b", "b"), facts);
    assert.equal(state, before);
    if (v !== 5) return assert.ok(isDisconnect(effects[0], Reason.quotaExceeded));
    // UNSUBACK has no 0x97.
    const { implementationSpecificError: code } = Reason;
    assert.deepEqual(effects, [
      {
        type: "unsubscribe",
        removed: [],
        restored: [],
        receipt: unsuback(code, code, code),
        writes: [],
      },
    ]);
    assert.equal(onUnsubscribe(before, unsubscribe("b", "x"), facts).state.subscriptions.size, 2);
  });

  Deno.test(`onUnsubscribe() ${v === 5 ? "answers 0x91" : "takes filters away"} when the packet id awaits its PUBREL, ${version(v)} [MQTT-2.2.1-3]`, () => {
    const packet = unsubscribe("b");
    const before = session(true, { subscriptions: three, received: idMap([packet.packetId, 1]) });
    const { state, effects } = onUnsubscribe(before, packet, given({ version: v }));
    assert.equal(state.subscriptions.size, v === 5 ? 3 : 2);
    if (v !== 5) return;
    assert.ok(effects[0]?.type === "unsubscribe");
    assert.deepEqual(effects[0].receipt, unsuback(Reason.packetIdentifierInUse));
  });
}
