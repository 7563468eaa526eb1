/**
 * Records and segments of a store ⇄ bytes: what is written is read, and bytes that nobody wrote are a
 * `damaged` StoreError and nothing worse.
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { ByteReader, ByteWriter } from "../../src/store/bytes.ts";
import { entry } from "../../src/store/kv_batch.ts";
import * as record from "../../src/store/record.ts";
import type { Entry } from "../../src/store/segment.ts";
import { deliveryOf, encodeSegment, HeadReader, Kind, messageAt } from "../../src/store/segment.ts";
import { troubleOf } from "../../src/store/store_error.ts";
import { forwarded } from "../../src/session/message.ts";
import { delivery, inflight, message } from "../contract/store_values.ts";
import { bytes, publishProperties, qos } from "./arbitraries.ts";

/** Objects as programs make them, with the prototype of all. */
function plain<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T>(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

const text = fc.string({ unit: "binary", maxLength: 200 });
const instant = fc.oneof(
  fc.constantFrom(Infinity, 0),
  fc.double({ noNaN: true, min: 0, max: 1e15 }),
);
const order = fc.oneof(fc.nat(300), fc.maxSafeNat().map((n) => Math.floor(n / 4)));
const proven = plain({
  user: fc.option(text, { nil: undefined }),
  roles: fc.array(text, { maxLength: 3 }),
});
const circumstances = plain({
  rules: fc.option(
    fc.array(
      plain({
        permission: fc.constantFrom("allow", "deny"),
        action: fc.constantFrom("publish", "receive"),
        qos: fc.constantFrom(0, [1, 2]),
        topics: fc.constantFrom("a/#", ["=a", "${clientid}/+"]),
      }),
      { maxLength: 3 },
    ),
    { nil: undefined },
  ),
  version: fc.constantFrom(undefined, 3, 4, 5),
  address: fc.option(text, { nil: undefined }),
  listener: fc.option(text, { nil: undefined }),
  certificate: fc.option(
    fc.dictionary(text, fc.oneof(text, fc.array(text, { maxLength: 3 })), { maxKeys: 4 })
      .map((fields) => ({ ...fields })), // with the usual prototype
    { nil: undefined },
  ),
});
/** Whose it is: of a store of before there is nothing but the user and the roles. */
const ofOwner = fc.oneof(
  plain({ clientId: text, owner: proven }),
  fc.tuple(text, proven, circumstances).map(([clientId, { user, roles }, rest]) => {
    const { address, listener, certificate, rules, version } = rest;
    const known = {
      user,
      roles,
      clientId,
      address,
      listener,
      certificate,
      ...(version === undefined ? {} : { version }),
    };
    return { clientId, owner: rules === undefined ? known : { ...known, rules } };
  }),
);

const messages = plain({
  order,
  topic: text,
  payload: bytes,
  qos,
  retain: fc.boolean(),
  properties: publishProperties.map((all) => all === undefined ? undefined : forwarded(all)),
  expiresAt: instant,
  publisher: text,
});

const subscriptions = plain({
  full: text,
  shareName: fc.option(text, { nil: undefined }),
  filter: text,
  options: plain({
    qos,
    noLocal: fc.boolean(),
    retainAsPublished: fc.boolean(),
    retainHandling: fc.constantFrom(0, 1, 2),
    subscriptionIdentifier: fc.option(fc.integer({ min: 1, max: 268_435_455 }), { nil: undefined }),
  }),
}).map((any) => any.shareName === undefined ? { ...any, filter: any.full } : any).chain((any) =>
  // Of a client's own neither is there, as in a store of before there were rules that subscribe.
  fc.record({ origin: text, unseen: fc.constant(true) }, { requiredKeys: [] })
    .map((more) => ({ ...any, ...more }))
);

const RECORDS: readonly (readonly [
  name: string,
  values: fc.Arbitrary<unknown>,
  // deno-lint-ignore no-explicit-any
  encode: (value: any) => Uint8Array,
  decode: (bytes: Uint8Array) => unknown,
])[] = [
  [
    "Session",
    fc.tuple(
      ofOwner,
      plain({ expiryInterval: fc.nat(0xffff_ffff), expiresAt: instant }),
      fc.boolean(),
    ).map(([whose, rest, awaited]) => ({
      ...whose,
      ...rest,
      // What waits for its client has an owner with a client id.
      ...(awaited && "clientId" in whose.owner ? { awaited } : {}),
    })),
    record.encodeSession,
    record.decodeSession,
  ],
  ["Subscription", subscriptions, record.encodeSubscription, record.decodeSubscription],
  ["Message", messages, record.encodeMessage, record.decodeMessage],
  [
    "Delayed",
    plain({ message: messages, publishAt: instant }),
    record.encodeDelayed,
    record.decodeDelayed,
  ],
  [
    "Will",
    fc.tuple(
      ofOwner,
      plain({
        packet: plain({
          topic: text,
          payload: bytes,
          qos,
          retain: fc.boolean(),
          willDelayInterval: fc.nat(0xffff_ffff),
          properties: publishProperties,
        }),
        publishAt: instant,
      }),
    ).map(([whose, rest]) => ({ ...whose, ...rest })),
    record.encodeWill,
    record.decodeWill,
  ],
];

for (const [name, values, encode, decode] of RECORDS) {
  Deno.test(`decode${name}() gives what encode${name}() was given`, () => {
    fc.assert(
      fc.property(values, (value) => assert.deepEqual(decode(encode(value)), value)),
      { numRuns: 300 },
    );
  });

  Deno.test(`decode${name}() throws nothing but damaged when bytes were changed`, () => {
    let thrown = 0;
    fc.assert(
      fc.property(values, fc.nat(), fc.nat(255), fc.boolean(), (value, at, byte, cut) => {
        const whole = encode(value);
        const place = at % whole.length;
        const changed = cut ? whole.slice(0, place) : whole.with(place, byte);
        thrown += throwsDamaged(() => decode(changed)) ? 1 : 0;
      }),
      { numRuns: 500 },
    );
    assert.ok(thrown > 50, `${thrown} were seen`);
  });

  Deno.test(`decode${name}() throws damaged when the format is a later one`, () => {
    const [value] = fc.sample(values, { seed: 1, numRuns: 1 });
    assert.ok(throwsDamaged(() => decode(encode(value).with(0, record.FORMAT + 1))));
  });
}

Deno.test("messageBound() is a bound of what writeMessage() writes", () => {
  fc.assert(
    fc.property(messages, (value) => {
      const to = new ByteWriter();
      record.writeMessage(to, value);
      assert.ok(to.length <= record.messageBound(value));
    }),
    { numRuns: 300 },
  );
});

Deno.test("ByteReader reads what ByteWriter wrote when values are at their limits", () => {
  const whole = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1];
  const either = [0, -1, 1, -64, 64, 2 ** 51, -(2 ** 51), 2 ** 32, -(2 ** 32)];
  const floats = [0, -0.5, Infinity, 1e300];
  const texts = ["", "a", "é", "\ufeff", "\u0000", "x".repeat(64), "x".repeat(65), "🐧".repeat(99)];
  const to = new ByteWriter(1);
  whole.forEach((value) => to.varint(value));
  either.forEach((value) => to.signed(value));
  floats.forEach((value) => to.float(value));
  texts.forEach((value) => to.text(value));
  to.bytes(new Uint8Array([1, 2]));
  const from = new ByteReader(to.slice(), "a test");
  assert.deepEqual(whole.map(() => from.varint()), whole);
  assert.deepEqual(either.map(() => from.signed()), either);
  assert.deepEqual(floats.map(() => from.float()), floats);
  assert.deepEqual(texts.map(() => from.text()), texts);
  assert.deepEqual(from.bytes(), new Uint8Array([1, 2]));
  from.end();
  assert.ok(throwsDamaged(() => from.byte()));
});

const entries: fc.Arbitrary<readonly Entry[]> = fc.array(
  plain({
    kind: fc.constantFrom(0, 1, 1, 2, 2, 3, 4),
    session: fc.constantFrom(1, 1, 1, 2, 2 ** 40),
    packetId: fc.integer({ min: 1, max: 65_535 }),
    of: fc.nat(2),
    qos,
    retain: fc.boolean(),
    identifiers: fc.constantFrom(undefined, [1], [268_435_455, 1]),
    group: fc.constantFrom(undefined, "\u0000$share/a/b"),
    sequence: order,
    sentAt: instant,
  }),
  { maxLength: 30 },
).chain((rough) =>
  fc.uniqueArray(messages, { selector: ({ order }) => order, minLength: 3, maxLength: 3 })
    .map((about) =>
      rough.map((any) => {
        const kind = any.kind as Kind;
        const given = delivery(about[any.of]!, {
          qos: any.qos,
          retain: any.retain,
          subscriptionIdentifiers: any.identifiers,
          group: any.group,
        });
        const carried = kind === Kind.queued || kind === Kind.inflight ? given : undefined;
        const sent = { ...inflight(carried, any.sequence), sentAt: any.sentAt };
        return entry(
          kind,
          any.session,
          any.packetId,
          carried,
          kind === Kind.inflight || kind === Kind.released ? sent : undefined,
        );
      })
    )
);

Deno.test("HeadReader reads what encodeSegment() wrote, and finds the messages", () => {
  fc.assert(
    fc.property(entries, (entries) => {
      const { head, blocks } = encodeSegment(entries);
      const stream = new Uint8Array(blocks.flatMap((block) => [...block]));
      const read = new HeadReader(head);
      assert.equal(read.count, entries.length);
      assert.equal(read.length, stream.length);
      for (const entry of entries) {
        assert.ok(read.next());
        assert.equal(read.kind, entry.kind);
        if (entry.kind === Kind.void) continue;
        assert.equal(read.session, entry.session);
        if (entry.kind !== Kind.queued) assert.equal(read.packetId, entry.packetId);
        if (entry.kind === Kind.inflight || entry.kind === Kind.released) {
          const { awaiting, sequence, sentAt } = entry;
          assert.deepEqual(
            [read.awaiting, read.sequence, read.sentAt],
            [awaiting, sequence, sentAt],
          );
        }
        if (entry.message === undefined) continue;
        assert.deepEqual([read.order, read.size], [entry.order, entry.size]);
        const at = read.messageAt;
        assert.equal(read.messageLength === 0, entry.blob);
        const message = entry.blob
          ? entry.message
          : messageAt(stream.subarray(at, at + read.messageLength), entry.order);
        const extra = read.extraLength === 0
          ? undefined
          : stream.subarray(read.extraAt, read.extraAt + read.extraLength);
        assert.deepEqual(deliveryOf(message, read.qos, read.retain, extra), {
          message: entry.message,
          qos: entry.qos,
          retain: entry.retain,
          subscriptionIdentifiers: entry.subscriptionIdentifiers,
          group: entry.group,
        });
      }
      assert.ok(!read.next());
    }),
    { numRuns: 300 },
  );
});

Deno.test("encodeSegment() writes a message once when entries after another have it", () => {
  const shared = delivery(message(7, { payload: new Uint8Array(1_000) }));
  const entries = Array.from(
    { length: 100 },
    (_, n) => entry(Kind.queued, n + 1, 0, shared, undefined),
  );
  const { head, blocks } = encodeSegment(entries);
  assert.equal(blocks.length, 1);
  assert.ok(blocks[0]!.length < 1_100 && head.length < 400);
});

function throwsDamaged(call: () => unknown): boolean {
  try {
    call();
    return false;
  } catch (error) {
    assert.equal(troubleOf(error), "damaged", String(error));
    return true;
  }
}

Deno.test("encodeSubscription() writes a client's own subscription as stores have had it from the first", () => {
  const options = {
    qos: 1,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 2,
    subscriptionIdentifier: 300,
  } as const;
  const own = { full: "a/b", filter: "a/b", shareName: undefined, options };
  const bytes = record.encodeSubscription(own);
  assert.deepEqual([...bytes], [1, 0xa1, 3, 0x61, 0x2f, 0x62, 0xac, 0x02]);
  assert.deepEqual(record.decodeSubscription(bytes), own);
});
