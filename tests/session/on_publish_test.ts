import assert from "node:assert/strict";
import { Reason } from "../../src/packet/reason_code.ts";
import { messageOf } from "../../src/session/message.ts";
import { onPublish } from "../../src/session/on_publish.ts";
import * as ids from "../../src/session/packet_id_map.ts";
import {
  given,
  idMap,
  isDisconnect,
  NOW,
  persist,
  publish,
  rules,
  session,
  version,
  VERSIONS,
} from "./values.ts";

const STORED = [true, false] as const;

for (const v of VERSIONS) {
  for (const stored of STORED) {
    const kind = `${version(v)}, ${stored ? "stored" : "not stored"}`;

    Deno.test(`onPublish() routes QoS 0 without receipt and write when the session is ${kind} [MQTT-3.3.4-1]`, () => {
      const before = session(stored);
      const packet = publish();
      const { state, effects } = onPublish(before, packet, given({ version: v }));
      assert.equal(state, before);
      assert.deepEqual(effects, [
        {
          type: "route",
          message: messageOf(packet, 900, "c", NOW),
          receipt: undefined,
          writes: [],
        },
      ]);
    });

    Deno.test(`onPublish() asks for PUBACK behind the route when QoS 1 comes, ${kind} [MQTT-4.3.2-4]`, () => {
      const before = session(stored);
      const packet = publish({ qos: 1, packetId: 7 });
      const { state, effects } = onPublish(before, packet, given({ version: v }));
      assert.equal(state, before);
      assert.deepEqual(effects, [
        {
          type: "route",
          message: messageOf(packet, 900, "c", NOW),
          receipt: { type: "puback", packetId: 7, reasonCode: 0, properties: undefined },
          writes: [],
        },
      ]);
    });

    Deno.test(`onPublish() keeps the packet id and asks for PUBREC when QoS 2 comes, ${kind} [MQTT-4.3.3-8]`, () => {
      const before = session(stored);
      const packet = publish({ qos: 2, packetId: 65_535 });
      const { state, effects } = onPublish(before, packet, given({ version: v }));
      assert.deepEqual(state, { ...before, received: idMap([65_535, NOW]) });
      assert.deepEqual(effects, [
        {
          type: "route",
          message: messageOf(packet, 900, "c", NOW),
          receipt: { type: "pubrec", packetId: 65_535, reasonCode: 0, properties: undefined },
          writes: stored ? [{ type: "putReceived", clientId: "c", packetId: 65_535 }] : [],
        },
      ]);
    });

    for (const dup of [true, false]) {
      Deno.test(`onPublish() answers PUBREC and routes nothing when QoS 2 comes again with DUP ${+dup}, ${kind} [MQTT-4.3.3-10]`, () => {
        // Even at the limit: it is no new publication.
        const before = session(stored, { received: idMap([7, 1]) });
        const { state, effects } = onPublish(
          before,
          publish({ qos: 2, packetId: 7, dup }),
          given({ version: v, rules: rules({ receiveMaximum: 1 }) }),
        );
        assert.equal(state, before);
        assert.deepEqual(effects, [
          persist([], {
            type: "send",
            to: 41,
            packet: { type: "pubrec", packetId: 7, reasonCode: 0, properties: undefined },
          }),
        ]);
      });
    }

    Deno.test(`onPublish() routes QoS 1 with DUP as a new message when its PUBACK has gone, ${kind} [MQTT-4.3.2-5]`, () => {
      const { effects } = onPublish(
        session(stored),
        publish({ qos: 1, packetId: 7, dup: true }),
        given({ version: v }),
      );
      assert.equal(effects[0]?.type, "route");
    });
  }

  Deno.test(`onPublish() answers no Reason Code above 0 when a ${version(v)} client uses the id of a QoS 2 message for QoS 1`, () => {
    const before = session(true, { received: idMap([7, 1]) });
    const { state, effects } = onPublish(
      before,
      publish({ qos: 1, packetId: 7 }),
      given({ version: v }),
    );
    assert.equal(state, before);
    assert.equal(effects.length, 1);
    const [effect] = effects;
    if (v === 5) { // table 3-4: Packet Identifier in use
      const packet = {
        type: "puback",
        packetId: 7,
        reasonCode: Reason.packetIdentifierInUse,
        properties: undefined,
      } as const;
      assert.deepEqual(effect, persist([], { type: "send", to: 41, packet }));
    } else {
      assert.ok(effect?.type === "route");
      assert.equal(effect.receipt?.reasonCode, 0);
    }
  });
}

/** [received ids, PUBACKs that wait for the store, Receive Maximum, exceeded] */
const windows: readonly (readonly [number, number, number, boolean])[] = [
  [0, 0, 1, false],
  [1, 0, 1, true],
  [0, 1, 1, true],
  [2, 2, 5, false],
  [3, 2, 5, true],
  [2, 3, 5, true],
  [5, 5, 5, true],
];

for (const [received, unacknowledged, receiveMaximum, exceeded] of windows) {
  for (const qos of [1, 2] as const) {
    Deno.test(`onPublish() ${exceeded ? "ends a 5.0 connection" : "goes on"} when QoS ${qos} comes at ${received} PUBRELs and ${unacknowledged} PUBACKs owed of ${receiveMaximum} [MQTT-3.3.4-7]`, () => {
      const owed = Array.from({ length: received }, (_, n) => [n + 1, 1] as const);
      const before = session(true, { received: idMap(...owed) });
      const { state, effects } = onPublish(
        before,
        publish({ qos, packetId: 500 }),
        given({ unacknowledged, rules: rules({ receiveMaximum }) }),
      );
      assert.equal(effects.length, 1);
      if (exceeded) {
        assert.equal(state, before);
        assert.ok(isDisconnect(effects[0], Reason.receiveMaximumExceeded));
      } else {
        assert.equal(effects[0]?.type, "route");
      }
    });
  }
}

for (const v of [3, 4] as const) {
  for (const qos of [1, 2] as const) {
    Deno.test(`onPublish() goes on when a ${version(v)} client, which knows no Receive Maximum, has more QoS ${qos} than that`, () => {
      const { effects } = onPublish(
        session(true, { received: idMap([1, 1], [2, 1]) }),
        publish({ qos, packetId: 9 }),
        given({ version: v, unacknowledged: 7, rules: rules({ receiveMaximum: 2 }) }),
      );
      assert.equal(effects[0]?.type, "route");
    });
  }
}

Deno.test("onPublish() routes QoS 0 when the Receive Maximum is used up [MQTT-3.3.4-8]", () => {
  const { effects } = onPublish(
    session(true, { received: idMap([1, 1]) }),
    publish(),
    given({ unacknowledged: 1, rules: rules({ receiveMaximum: 1 }) }),
  );
  assert.equal(effects[0]?.type, "route");
});

Deno.test("onPublish() gives the message the order it is given when the ids are in use or not", () => {
  const { effects: [route] } = onPublish(
    session(false),
    publish({ qos: 2, packetId: 1 }),
    given({ order: 77 }),
  );
  assert.ok(route?.type === "route");
  assert.equal(route.message.order, 77);
  assert.equal(route.message.publisher, "c");
  assert.equal(ids.size(session(false).received), 0);
});
