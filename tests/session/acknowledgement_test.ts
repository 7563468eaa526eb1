import assert from "node:assert/strict";
import type { Puback, Pubcomp, Pubrec, Pubrel } from "../../src/packet/packet.ts";
import { Reason } from "../../src/packet/reason_code.ts";
import type { Demand, Persist } from "../../src/session/effect.ts";
import { onPuback } from "../../src/session/on_puback.ts";
import { onPubcomp } from "../../src/session/on_pubcomp.ts";
import { onPubrec } from "../../src/session/on_pubrec.ts";
import { onPubrel } from "../../src/session/on_pubrel.ts";
import type { Session } from "../../src/session/session.ts";
import { settle } from "../../src/session/settle.ts";
import { deepFreeze } from "../deep_freeze.ts";
import {
  given,
  idMap,
  inflight,
  isDisconnect,
  NOW,
  persist,
  sentBytesOf,
  session,
  version,
  VERSIONS,
} from "./values.ts";

type Acknowledgement = Puback | Pubrec | Pubrel | Pubcomp;

function ack<T extends Acknowledgement["type"]>(type: T, packetId = 7, reasonCode = 0) {
  return deepFreeze({ type, packetId, reasonCode, properties: undefined });
}

function sent(type: "pubrel" | "pubcomp", packetId: number, reasonCode = 0) {
  return { type: "send", to: 41, packet: ack(type, packetId, reasonCode) } as const;
}

const deleteInflight = { type: "deleteInflight", clientId: "c", packetId: 7 } as const;
const deleteReceived = { type: "deleteReceived", clientId: "c", packetId: 7 } as const;
const released = inflight("pubcomp", 20, { sentAt: NOW });
const putReleased = {
  type: "putInflight",
  clientId: "c",
  packetId: 7,
  inflight: released,
} as const;

/** What all sessions of the table have besides: it stays as it is. */
const OTHER = [9, inflight("puback", 4)] as const;

function awaiting(what: "puback" | "pubrec" | "pubcomp", more: Partial<Session> = {}) {
  return {
    inflight: idMap([7, inflight(what, 3)], OTHER),
    received: idMap([8, 1]),
    nextSequence: 20,
    sendQuota: 3,
    ...more,
  };
}

interface Row {
  readonly name: string;
  readonly given: Partial<Session>;
  readonly packet: Acknowledgement;
  /** "same": the same object; else what is different. */
  readonly state: "same" | Partial<Session>;
  /** What is asked for of a stored session; writes fall away for others. */
  readonly effects: readonly Demand[] | { readonly ends: number };
}

const settled = { inflight: idMap(OTHER), sendQuota: 4 };
const protocolError = { ends: Reason.protocolError };

const rows: readonly Row[] = [
  // PUBACK
  {
    name: "onPuback() ends the hand-shake and gives quota back when QoS 1 awaits it [MQTT-4.3.2-3]",
    given: awaiting("puback"),
    packet: ack("puback"),
    state: settled,
    effects: [persist([deleteInflight])],
  },
  {
    name: "onPuback() does the same when its Reason Code is an error [MQTT-4.4.0-2]",
    given: awaiting("puback"),
    packet: ack("puback", 7, Reason.quotaExceeded),
    state: settled,
    effects: [persist([deleteInflight])],
  },
  {
    name:
      "onPuback() takes it off what is to be sent again, and gives no quota, when it waited there",
    given: awaiting("puback", { resending: [7, 9] }),
    packet: ack("puback"),
    state: { inflight: idMap(OTHER), resending: [9] },
    effects: [persist([deleteInflight])],
  },
  {
    name: "onPuback() gives quota back when others wait to be sent again",
    given: awaiting("puback", { resending: [9] }),
    packet: ack("puback"),
    state: settled,
    effects: [persist([deleteInflight])],
  },
  {
    name: "onPuback() does nothing when the packet id is unknown",
    given: awaiting("puback"),
    packet: ack("puback", 6),
    state: "same",
    effects: [],
  },
  {
    name: "onPuback() does nothing when the id is known of the other direction only",
    given: awaiting("puback"),
    packet: ack("puback", 8),
    state: "same",
    effects: [],
  },
  {
    name: "onPuback() ends the connection when the id awaits PUBREC [MQTT-4.13.1-1]",
    given: awaiting("pubrec"),
    packet: ack("puback"),
    state: "same",
    effects: protocolError,
  },
  {
    name: "onPuback() ends the connection when the id awaits PUBCOMP [MQTT-4.13.1-1]",
    given: awaiting("pubcomp"),
    packet: ack("puback"),
    state: "same",
    effects: protocolError,
  },
  // PUBREC
  {
    name: "onPubrec() lets the message go and answers PUBREL when QoS 2 awaits it [MQTT-4.3.3-4]",
    given: awaiting("pubrec"),
    packet: ack("pubrec"),
    state: { inflight: idMap([7, released], OTHER), nextSequence: 21 },
    effects: [persist([putReleased], sent("pubrel", 7))],
  },
  {
    name: "onPubrec() answers PUBREL when its Reason Code is 0x10, no error [MQTT-4.3.3-4]",
    given: awaiting("pubrec"),
    packet: ack("pubrec", 7, Reason.noMatchingSubscribers),
    state: { inflight: idMap([7, released], OTHER), nextSequence: 21 },
    effects: [persist([putReleased], sent("pubrel", 7))],
  },
  {
    name: "onPubrec() answers PUBREL and gives no quota when the PUBLISH waited to be sent again",
    given: awaiting("pubrec", { resending: [7] }),
    packet: ack("pubrec"),
    state: { inflight: idMap([7, released], OTHER), nextSequence: 21 },
    effects: [persist([putReleased], sent("pubrel", 7))],
  },
  {
    name: "onPubrec() ends the hand-shake and gives quota back when it refuses [MQTT-4.4.0-2]",
    given: awaiting("pubrec"),
    packet: ack("pubrec", 7, Reason.unspecifiedError),
    state: settled,
    effects: [persist([deleteInflight])],
  },
  {
    name: "onPubrec() ends the hand-shake and gives no quota when it refuses what waited",
    given: awaiting("pubrec", { resending: [9, 7] }),
    packet: ack("pubrec", 7, Reason.notAuthorized),
    state: { inflight: idMap(OTHER), resending: [9] },
    effects: [persist([deleteInflight])],
  },
  {
    name: "onPubrec() answers PUBREL again when the id awaits PUBCOMP already [MQTT-4.3.3-4]",
    given: awaiting("pubcomp"),
    packet: ack("pubrec"),
    state: "same",
    effects: [persist([], sent("pubrel", 7))],
  },
  {
    name: "onPubrec() answers PUBREL 0x92 when the packet id is unknown (section 3.6.2.1)",
    given: awaiting("pubrec"),
    packet: ack("pubrec", 6),
    state: "same",
    effects: [persist([], sent("pubrel", 6, Reason.packetIdentifierNotFound))],
  },
  {
    name: "onPubrec() ends the connection when the id awaits PUBACK [MQTT-4.13.1-1]",
    given: awaiting("puback"),
    packet: ack("pubrec"),
    state: "same",
    effects: protocolError,
  },
  // PUBCOMP
  {
    name: "onPubcomp() ends the hand-shake and gives quota back when it is awaited [MQTT-4.3.3-5]",
    given: awaiting("pubcomp"),
    packet: ack("pubcomp"),
    state: settled,
    effects: [persist([deleteInflight])],
  },
  {
    name: "onPubcomp() does the same when it says 0x92 (section 3.7.2.1)",
    given: awaiting("pubcomp"),
    packet: ack("pubcomp", 7, Reason.packetIdentifierNotFound),
    state: settled,
    effects: [persist([deleteInflight])],
  },
  {
    name: "onPubcomp() gives no quota when the PUBREL waited to be sent again",
    given: awaiting("pubcomp", { resending: [7] }),
    packet: ack("pubcomp"),
    state: { inflight: idMap(OTHER), resending: [] },
    effects: [persist([deleteInflight])],
  },
  {
    name: "onPubcomp() does nothing when the packet id is unknown",
    given: awaiting("pubcomp"),
    packet: ack("pubcomp", 6),
    state: "same",
    effects: [],
  },
  {
    name: "onPubcomp() ends the connection when the id awaits PUBREC [MQTT-4.13.1-1]",
    given: awaiting("pubrec"),
    packet: ack("pubcomp"),
    state: "same",
    effects: protocolError,
  },
  {
    name: "onPubcomp() ends the connection when the id awaits PUBACK [MQTT-4.13.1-1]",
    given: awaiting("puback"),
    packet: ack("pubcomp"),
    state: "same",
    effects: protocolError,
  },
  // PUBREL
  {
    name:
      "onPubrel() frees the id and answers PUBCOMP when it is known [MQTT-4.3.3-11] [MQTT-4.3.3-12]",
    given: { received: idMap([7, 1], [8, 2]) },
    packet: ack("pubrel"),
    state: { received: idMap([8, 2]) },
    effects: [persist([deleteReceived], sent("pubcomp", 7))],
  },
  {
    name: "onPubrel() frees the id when it says 0x92 (section 3.6.2.1)",
    given: { received: idMap([7, 1]) },
    packet: ack("pubrel", 7, Reason.packetIdentifierNotFound),
    state: { received: idMap() },
    effects: [persist([deleteReceived], sent("pubcomp", 7))],
  },
  {
    name: "onPubrel() answers PUBCOMP 0x92 when the packet id is unknown (section 3.7.2.1)",
    given: { received: idMap([8, 2]) },
    packet: ack("pubrel"),
    state: "same",
    effects: [persist([], sent("pubcomp", 7, Reason.packetIdentifierNotFound))],
  },
  {
    name: "onPubrel() answers PUBCOMP 0x92 when the id is known of the other direction only",
    given: awaiting("pubcomp"),
    packet: ack("pubrel"),
    state: "same",
    effects: [persist([], sent("pubcomp", 7, Reason.packetIdentifierNotFound))],
  },
];

function transition(before: Session, packet: Acknowledgement, v: 3 | 4 | 5) {
  const facts = given({ version: v });
  switch (packet.type) {
    case "puback":
      return onPuback(before, packet, facts);
    case "pubrec":
      return onPubrec(before, packet, facts);
    case "pubrel":
      return onPubrel(before, packet, facts);
    case "pubcomp":
      return onPubcomp(before, packet, facts);
  }
}

/** What a session that is not stored asks for where a stored one only writes. */
function isNothing({ writes, then }: Persist): boolean {
  return writes.length + then.length === 0;
}

for (const row of rows) {
  // A 3.x packet has no Reason Code.
  for (const v of row.packet.reasonCode === 0 ? VERSIONS : [5] as const) {
    for (const stored of [true, false]) {
      Deno.test(`${row.name}, ${version(v)}, ${stored ? "stored" : "not stored"}`, () => {
        const before = session(stored, row.given);
        const { state, effects } = transition(before, row.packet, v);
        if (row.state === "same") assert.equal(state, before);
        else {
          const after = { ...before, ...row.state };
          assert.deepEqual(state, { ...after, sentBytes: sentBytesOf(after) });
        }
        if ("ends" in row.effects) {
          assert.equal(effects.length, 1);
          assert.ok(isDisconnect(effects[0], row.effects.ends));
          return;
        }
        const expected = row.effects.map((effect) =>
          effect.type === "persist" && !stored ? { ...effect, writes: [] } : effect
        ).filter((effect) => !(effect.type === "persist" && isNothing(effect)));
        assert.deepEqual(effects, expected);
      });
    }
  }
}

Deno.test("onPubrec() numbers PUBRELs in the order of the PUBRECs when they come in another than the PUBLISHes [MQTT-4.6.0-4]", () => {
  const before = session(true, {
    inflight: idMap([1, inflight("pubrec", 1)], [2, inflight("pubrec", 2)]),
    nextSequence: 3,
  });
  const first = onPubrec(before, ack("pubrec", 2), given()).state;
  const { state } = onPubrec(deepFreeze(first), ack("pubrec", 1), given());
  assert.deepEqual(
    state.inflight,
    idMap(
      [1, inflight("pubcomp", 4, { sentAt: NOW })],
      [2, inflight("pubcomp", 3, { sentAt: NOW })],
    ),
  );
  assert.equal(state.nextSequence, 5);
});

Deno.test("settle() leaves the list of what waits as it is when the packet is not in it", () => {
  const before = session(true, awaiting("puback", { resending: [9] }));
  const { session: after, writes } = settle(before, 7);
  assert.equal(after.resending, before.resending);
  assert.equal(after.sendQuota, 4);
  assert.deepEqual(writes, [deleteInflight]);
  assert.deepEqual(settle(session(false, awaiting("puback")), 7).writes, []);
});
