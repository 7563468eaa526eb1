import assert from "node:assert/strict";
import fc from "fast-check";
import type { AcknowledgementRun } from "../../src/packet/acknowledgement_run.ts";
import type { Demand } from "../../src/session/effect.ts";
import { onAcknowledgements } from "../../src/session/on_acknowledgements.ts";
import { onPuback } from "../../src/session/on_puback.ts";
import { onPubcomp } from "../../src/session/on_pubcomp.ts";
import { onPubrec } from "../../src/session/on_pubrec.ts";
import * as ids from "../../src/session/packet_id_map.ts";
import { EMPTY_QUEUE } from "../../src/session/queue.ts";
import { runSize } from "../../src/session/delivery_run.ts";
import { singles } from "../../src/session/run_write.ts";
import { sendFirstRun } from "../../src/session/send_first_run.ts";
import type { Session } from "../../src/session/session.ts";
import { inflightUnder } from "../../src/session/session.ts";
import type { Step } from "../../src/session/step.ts";
import { deepFreeze } from "../deep_freeze.ts";
import { runOf } from "./runs.ts";
import { given, NOW, sentBytesOf, session } from "./values.ts";

type Type = "puback" | "pubrec" | "pubcomp";

/** Packet Identifiers that follow each other, acknowledged at once. */
interface Came {
  readonly type: Type;
  readonly first: number;
  readonly count: number;
}

const came = (count: number): fc.Arbitrary<Came> =>
  fc.record({
    type: fc.constantFrom<Type>("puback", "pubrec", "pubrec", "pubcomp"),
    first: fc.integer({ min: 1, max: 40 }),
    count: fc.integer({ min: 1, max: count }),
  });

/** Stored, with 20 messages of a run in flight from that Packet Identifier on. */
function withRun(qos: 1 | 2, nextPacketId: number, more: Partial<Session> = {}): Session {
  const run = runOf(Array.from({ length: 20 }, (_, at) => new Uint8Array(at)), { qos });
  const queue = { ...EMPTY_QUEUE, runs: [run], bytes: runSize(run) };
  const waiting = session(true, { sendQuota: 100, ...more, queue, nextPacketId });
  return sendFirstRun(waiting, NOW, Infinity)!.session;
}

function one(before: Session, type: Type, packetId: number): Step<Session, Demand> {
  const more = { packetId, reasonCode: 0, properties: undefined };
  if (type === "puback") return onPuback(before, { type, ...more }, given());
  if (type === "pubrec") return onPubrec(before, { type, ...more }, given());
  return onPubcomp(before, { type, ...more }, given());
}

/** One by one, and what is asked for. */
function singly(before: Session, { type, first, count }: Came) {
  let state = before;
  const effects: Demand[] = [];
  for (let packetId = first; packetId < first + count; packetId++) {
    const next = one(state, type, packetId);
    state = next.state;
    effects.push(...next.effects);
  }
  return { state, effects };
}

/** Whether as one or one by one. */
function told({ state, effects }: { state: Session; effects: readonly Demand[] }) {
  const { inflight, ...rest } = state;
  const held = ids.entries(inflight).map(([id, flight]) => [id, inflightUnder(id, flight)]);
  const persists = effects.map((effect) => effect.type === "persist" ? effect : assert.fail());
  const answers = persists.flatMap(({ then }) => then).flatMap((effect) => {
    if (effect.type === "acknowledge") {
      return effect.packetIds.map((packetId) => [effect.packet, packetId]);
    }
    assert.ok(effect.type === "send" && effect.packet.type === "pubrel");
    return [[effect.packet.type, effect.packet.packetId]];
  });
  return { rest, held, writes: persists.flatMap(({ writes }) => singles(writes)), answers };
}

Deno.test("onAcknowledgements() is onPuback(), onPubrec() and onPubcomp() for each when a run is in flight", () => {
  const seen = { together: 0, inPart: 0 };
  fc.assert(
    fc.property(
      fc.constantFrom<1 | 2>(1, 2),
      fc.array(came(2), { maxLength: 4 }),
      fc.array(came(20), { minLength: 1, maxLength: 4 }),
      (qos, before, after) => {
        let state = withRun(qos, 10);
        for (const each of before) state = singly(state, each).state;
        for (const each of after) {
          deepFreeze(state);
          const packetIds = Array.from({ length: each.count }, (_, at) => each.first + at);
          const run: AcknowledgementRun = { type: each.type, packetIds, inRow: true };
          const expected = singly(state, each);
          const step = onAcknowledgements(state, run, given());
          if (step !== undefined) {
            assert.deepEqual(told(step), told(expected));
            seen.together += 1;
            if (before.length > 0) seen.inPart += 1;
          }
          state = expected.state;
          assert.equal(state.sentBytes, sentBytesOf(state));
        }
      },
    ),
    { numRuns: 2_000 },
  );
  for (const [what, times] of Object.entries(seen)) assert.ok(times > 100, `${what}: ${times}`);
});

Deno.test("onAcknowledgements() leaves PUBRECs to be looked at one by one when one among a run has come before", () => {
  const state = deepFreeze(one(withRun(2, 10), "pubrec", 15).state);
  const packetIds = Array.from({ length: 20 }, (_, at) => 10 + at);
  assert.equal(
    onAcknowledgements(state, { type: "pubrec", packetIds, inRow: true }, given()),
    undefined,
  );
});
