/** Runs for shared subscriptions: dealt out at once, with the result of one by one. Section 4.8.2. */

import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { encode } from "../../src/packet/encode.ts";
import type { ProtocolVersion } from "../../src/packet/packet.ts";
import { AccessList } from "../../src/policy/access_list.ts";
import type { Caller } from "./caller.ts";
import { Desk } from "./desk.ts";
import { publishPacket, subscribePacket, unsubscribePacket } from "./packets.ts";

const TOPIC = "t";
const CLIENTS = 5;

/** What happens between and to the members of two groups. */
type Move =
  | { readonly type: "join"; readonly who: number; readonly group: string; readonly odd: boolean }
  | { readonly type: "leave"; readonly who: number; readonly group: string }
  | { readonly type: "stall" | "drain" | "hangUp"; readonly who: number }
  | { readonly type: "burst"; readonly sizes: readonly number[] };

const who = fc.nat(CLIENTS - 1);
const group = fc.constantFrom("g", "g", "h");

const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("join"),
      who,
      group,
      odd: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("leave"), who, group }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom("stall", "drain", "hangUp"), who }) },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("burst"),
      sizes: fc.array(fc.constantFrom(0, 5, 5, 5, 200, 1_500, 20_000), {
        minLength: 1,
        maxLength: 9,
      }),
    }),
  },
);

interface Outcome {
  /** Payloads that each client got, as text, apart for each move. */
  readonly got: readonly (readonly (readonly string[])[])[];
  readonly drops: Readonly<Record<string, number>>;
  readonly dealt: number;
}

/** Plays the moves; bursts come in one piece, or each packet by itself. The last client may receive nothing. */
async function play(
  version: ProtocolVersion,
  moves: readonly Move[],
  together: boolean,
): Promise<Outcome> {
  const got: string[][][] = [];
  let drops = {};
  let dealt = 0;
  const access = new AccessList([
    { permission: "deny", action: "receive", who: { user: `c${CLIENTS - 1}` }, topics: TOPIC },
    { permission: "allow" },
  ]);
  const limits = { outboxCongested: 100_000, outboxDrained: 100, readBuffer: 1 << 18 };
  await Desk.with({ limits, access }, async (desk) => {
    const members: Caller[] = [];
    for (let at = 0; at < CLIENTS; at++) {
      // The same wire shape, but for one that is no member from the beginning.
      const member = await desk.connect(`c${at}`, {
        protocolVersion: at === 3 ? 4 : version,
        username: `c${at}`,
      });
      await member.send(subscribePacket(1, [`big/${at}`, 0]));
      if (at < 3) await member.send(subscribePacket(1, [`$share/g/${TOPIC}`, 0]));
      members.push(member);
    }
    const pump = await desk.connect("pump", { protocolVersion: version });
    await pump.send(publishPacket("elsewhere", new Uint8Array(200_000))); // from here on reads are large
    const { broker } = desk;
    desk.runtime.watch({
      step(event, now) {
        const effects = broker.step(event, now);
        if (event.type === "run" && effects.some((each) => each.type === "deliverRun")) dealt += 1;
        return effects;
      },
    });
    let number = 0;
    for (const move of moves) {
      await play(move);
      got.push(members.map((member) =>
        (member.closed ? [] : member.publishes())
          .filter(({ topic }) => topic === TOPIC)
          .map(({ payload, properties }) => {
            const text = new TextDecoder().decode(payload.subarray(0, 3));
            return `${text} ${payload.length} ${properties?.subscriptionIdentifiers}`;
          })
      ));
    }
    for (const member of members) await member.stall(false);
    drops = desk.drops;

    async function play(move: Move): Promise<void> {
      if (move.type === "burst") {
        const frames = move.sizes.map((size) => {
          const payload = new Uint8Array(3 + size);
          payload.set(new TextEncoder().encode(String(number++).padStart(3, "0")));
          return encode(publishPacket(TOPIC, payload), version).slice();
        });
        if (!together) { for (const frame of frames) await pump.sendFrames(frame); }
        else await pump.sendFrames(...frames);
        return;
      }
      const member = members[move.who]!;
      if (member.closed) return;
      switch (move.type) {
        case "join": {
          const subscriptionIdentifier = move.odd && member.version === 5 ? 7 : undefined;
          const filter = `$share/${move.group}/${TOPIC}`;
          return await member.send(subscribePacket(1, [filter, { subscriptionIdentifier }]));
        }
        case "leave":
          return await member.send(unsubscribePacket(1, `$share/${move.group}/${TOPIC}`));
        case "stall":
          await member.stall(true);
          return await pump.send(publishPacket(`big/${move.who}`, new Uint8Array(120_000)));
        case "drain":
          return await member.stall(false);
        case "hangUp":
          return await member.hangUp();
      }
    }
  });
  return { got, drops, dealt };
}

Deno.test("dealOut() gives each member as many as one by one, in order and none twice, whoever comes and goes", async () => {
  let dealt = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<ProtocolVersion>(4, 5),
      fc.array(move, { minLength: 2, maxLength: 12 }),
      async (version, moves) => {
        const together = await play(version, moves, true);
        const singly = await play(version, moves, false);
        dealt += together.dealt;
        for (const [at, members] of together.got.entries()) {
          const counts = (each: readonly (readonly string[])[]) => each.map(({ length }) => length);
          deepEqual(counts(members), counts(singly.got[at]!), `move ${at}`);
          deepEqual(members.flat().sort(), singly.got[at]!.flat().sort(), `move ${at}`);
        }
        deepEqual(together.drops, singly.drops);
      },
    ),
    { numRuns: 120 },
  );
  ok(dealt > 100, `only ${dealt} runs were dealt out`);
});

Deno.test("dealOut() gives what a member gets in the order in which it came", async () => {
  await Desk.with({}, async (desk) => {
    const members: Caller[] = [];
    for (const clientId of ["a", "b", "c"]) {
      const member = await desk.connect(clientId);
      await member.send(subscribePacket(1, ["$share/g/t", 0]));
      members.push(member);
    }
    const pump = await desk.connect("pump");
    for (const burst of ["0123456789", "ABCD"]) {
      const frames = [...burst].map((text) => encode(publishPacket("t", text), 5).slice());
      await pump.sendFrames(...frames);
    }
    const texts = members.map((member) =>
      member.publishes().map(({ payload }) => new TextDecoder().decode(payload)).join("")
    );
    equal(texts.join("").length, 14);
    for (const text of texts) equal(text, [...text].sort().join(""));
    deepEqual(texts.map(({ length }) => length), [5, 5, 4]);
  });
});
