/** One link from its first byte to its last, with the real broker behind it and a link held in hand. */

import assert from "node:assert/strict";
import { anonymousOnly } from "../../src/authentication/authenticator.ts";
import { Broker } from "../../src/broker/broker.ts";
import { decode } from "../../src/packet/decode.ts";
import { encode } from "../../src/packet/encode.ts";
import { FrameSplitter } from "../../src/packet/frame_splitter.ts";
import { joined } from "../../src/packet/joined.ts";
import type { Packet } from "../../src/packet/packet.ts";
import { Reason } from "../../src/packet/reason_code.ts";
import type { Limits } from "../../src/policy/limits.ts";
import { defaultLimits } from "../../src/policy/limits.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import { BYTES_A_TURN, FairTurns, MUCH } from "../../src/server/fair_turns.ts";
import { Runtime } from "../../src/server/runtime.ts";
import { outboxLimitsOf, serveLink } from "../../src/server/serve_link.ts";
import type { Fact } from "../../src/session/fact.ts";
import { connectOf, plainPublish } from "../packets.ts";
import { FakeClock, FakeStore, OpenLink, settled } from "./fakes.ts";

/** A server without listeners; `open` is a client's link to it. */
function setUp(
  store: FakeStore = new FakeStore(false),
  maximumPacketSize = 1000,
  others: Partial<Limits> = {},
) {
  const clock = new FakeClock();
  const facts: Fact[] = [];
  const broken: unknown[] = [];
  const runtime = new Runtime({
    broker: new Broker(defaultRules),
    store,
    clock,
    authenticator: anonymousOnly,
    observe: (fact) => facts.push(fact),
    outboxDropped: () => {},
    broken: (error) => broken.push(error),
    fail: (error) => broken.push(error),
  });
  const limits = { ...defaultLimits, maximumPacketSize, ...others };
  let lastId = 0;
  /** @param turns whose turns it shares with other links */
  async function open(turns?: FairTurns) {
    const link = new OpenLink();
    const state = { served: false };
    const peer = { address: link.address, listener: "test", anonymousAllowed: true };
    const entropy = () => new Uint8Array(16);
    const outboxLimits = outboxLimitsOf(limits);
    const serving = { runtime, limits, outboxLimits, entropy, ...(turns && { turns }) };
    serveLink(serving, link, ++lastId, peer)
      .then(() => state.served = true);
    await settled();
    return { link, state };
  }
  return { runtime, clock, facts, broken, open };
}

/** The packets of each write. */
function sent(link: OpenLink): string[] {
  return link.writes.map((bytes) => {
    const splitter = new FrameSplitter(1 << 20);
    splitter.push(Uint8Array.from(bytes));
    const types: string[] = [];
    for (let frame = splitter.next(); frame !== undefined; frame = splitter.next()) {
      types.push(decode(frame, 5).type);
    }
    return types.join(" ");
  });
}

const connect = encode(connectOf(5, "c"), 5);
const pingreq = encode({ type: "pingreq" }, 5);
const subscribe = encode({
  type: "subscribe",
  packetId: 1,
  subscriptions: [{
    filter: "t",
    options: {
      qos: 1,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0,
      subscriptionIdentifier: undefined,
    },
  }],
  userProperties: undefined,
}, 5);

Deno.test("serveLink() answers in one write when several packets come in one read", async () => {
  const { open } = setUp();
  const { link } = await open();
  await link.arrive(connect);
  await link.arrive(joined([pingreq, subscribe, pingreq]));
  assert.deepEqual(sent(link), ["connack", "pingresp suback pingresp"]);
});

Deno.test("serveLink() reads on behind CONNECT when packets came along with it", async () => {
  const { open } = setUp();
  const { link } = await open();
  await link.arrive(joined([connect, subscribe, pingreq]));
  assert.deepEqual(sent(link), ["connack suback pingresp"]); // no write of its own for a CONNACK that waits for nothing
});

Deno.test("serveLink() puts a packet together when it comes byte by byte", async () => {
  const { open } = setUp();
  const { link } = await open();
  for (const byte of joined([connect, subscribe])) await link.arrive(Uint8Array.of(byte));
  assert.deepEqual(sent(link), ["connack", "suback"]);
});

Deno.test("serveLink() deals with what it has read when its turn comes where others have read much", async () => {
  const { open } = setUp();
  const turns = new FairTurns();
  const { link } = await open(turns);
  await link.arrive(connect);
  turns.spent(BYTES_A_TURN);
  const arrived = link.arrive(pingreq);
  for (let i = 0; i < 20; i++) await Promise.resolve(); // what needs no turn has been done by then
  assert.deepEqual(sent(link), ["connack"]);
  await arrived;
  await new Promise((resolve) => setImmediate(resolve));
  await settled();
  assert.deepEqual(sent(link), ["connack", "pingresp"]);
});

Deno.test("serveLink() takes no packet that waits for its turn when the client is taken over meanwhile", async () => {
  const { open, facts, broken } = setUp();
  const turns = new FairTurns();
  const { link, state } = await open(turns);
  await link.arrive(connect);
  const { link: other } = await open();
  turns.spent(BYTES_A_TURN);
  await Promise.all([link.arrive(joined([subscribe, pingreq])), other.arrive(connect)]);
  await new Promise((resolve) => setImmediate(resolve));
  await settled();
  assert.deepEqual(sent(link), ["connack", "disconnect"]);
  assert.deepEqual(sent(other), ["connack"]);
  assert.ok(state.served);
  assert.deepEqual(broken, []);
  assert.ok(!facts.some(({ type }) => type === "subscribed"));
});

/** Turns that the test gives, and what was asked of them. */
function turnsInHand() {
  const asked: string[] = [];
  const next = { number: 0, wait: false };
  const waiting: (() => void)[] = [];
  const turns = {
    get number() {
      return next.number;
    },
    spent(bytes: number) {
      asked.push(`spent ${bytes}`);
    },
    again(bytes: number) {
      asked.push(`again ${bytes}`);
      return next.wait ? new Promise<void>((resolve) => waiting.push(resolve)) : undefined;
    },
  };
  return { asked, next, waiting, turns: turns as unknown as FairTurns };
}

/** So many PINGREQ. */
const pings = (count: number) => joined(Array<Uint8Array>(count).fill(pingreq));

/** Has the link read so much that it asks for its turn before it reads on. */
async function flood(link: OpenLink, clientId = "c") {
  await link.arrive(encode(connectOf(5, clientId), 5));
  for (const bytes of [256, 1024, MUCH]) await link.arrive(pings(bytes / pingreq.length));
}

Deno.test("serveLink() asks for its turn before it reads on when it has read much, and for no other then", async () => {
  const { open } = setUp();
  const { asked, next, waiting, turns } = turnsInHand();
  const { link } = await open(turns);
  next.wait = true;
  await flood(link);
  const read = `again ${4 * MUCH}`;
  assert.deepEqual(asked.splice(0).slice(-2), [`spent ${MUCH}`, read]);
  const before = link.writes.length;
  await link.arrive(pingreq);
  assert.equal(link.writes.length, before);
  waiting.shift()!();
  await settled();
  assert.deepEqual(sent(link).slice(before), ["pingresp"]);
  assert.deepEqual(asked, []);
});

Deno.test("serveLink() asks for a turn behind the read when others had theirs while it read", async () => {
  const { open } = setUp();
  const { asked, next, turns } = turnsInHand();
  const { link } = await open(turns);
  await flood(link);
  asked.length = 0;
  next.number += 1;
  await link.arrive(pings(MUCH));
  assert.deepEqual(asked, [`spent ${2 * MUCH}`]);
});

Deno.test("serveLink() reads into the same memory as the link before it when each waits for its turn", async () => {
  const { open } = setUp();
  const { next, waiting, turns } = turnsInHand();
  next.wait = true;
  const read: ArrayBufferLike[] = [];
  for (const clientId of ["a", "b"]) {
    const { link } = await open(turns);
    await flood(link, clientId);
    const from = link.read.bind(link);
    link.read = (into) => {
      read.push(into.buffer);
      return from(into);
    };
    await link.arrive(pings(MUCH));
  }
  for (let turn = 0; turn < 4; turn++) {
    waiting.shift()!();
    await settled();
  }
  assert.deepEqual([read.length, new Set(read.slice(0, 2)).size], [4, 1]);
});

Deno.test("serveLink() reads several large packets at once when more of them wait, and few again when none do", async () => {
  const { open } = setUp(undefined, 1 << 20);
  const { readBuffer } = defaultLimits;
  for (const payload of [20_000, readBuffer, 4 * readBuffer]) {
    const { link } = await open();
    await link.arrive(encode(connectOf(5, "c"), 5));
    const packet = encode(plainPublish("t", new Uint8Array(payload)), 5).slice();
    const asked: number[] = [];
    const from = link.read.bind(link);
    link.read = (into) => {
      asked.push(into.length / packet.length);
      return from(into);
    };
    await link.arrive(joined(Array<Uint8Array>(20).fill(packet)));
    const most = Math.max(1, Math.floor(4 * readBuffer / packet.length));
    assert.equal(Math.floor(Math.max(...asked)), most);
    await link.arrive(packet);
    assert.equal(asked.at(-1), Math.max(1, Math.floor(readBuffer / packet.length)));
  }
});

Deno.test("serveLink() congests nobody with what one read brings, by the limits as they are unless set", async () => {
  const { open, facts } = setUp(undefined, 1 << 20);
  const { link: subscriber } = await open();
  await subscriber.arrive(joined([connect, subscribe]));
  const { link: publisher } = await open();
  await publisher.arrive(encode(connectOf(5, "p"), 5));
  const size = defaultLimits.readBuffer;
  const packet = encode(plainPublish("t", new Uint8Array(size)), 5).slice();
  const burst = joined(Array<Uint8Array>(4).fill(packet));
  await publisher.arrive(burst); // makes it one that reads several at once
  let received = 0;
  const write = subscriber.write.bind(subscriber);
  const held = Promise.withResolvers<void>();
  subscriber.write = async (bytes) => {
    await held.promise; // the system takes nothing for now
    received += bytes.length;
    return await write(bytes);
  };
  let read = 0;
  const from = publisher.read.bind(publisher);
  publisher.read = async (into) => {
    const count = await from(into);
    read = Math.max(read, count ?? 0);
    return count;
  };
  await publisher.arrive(burst);
  await publisher.arrive(encode(plainPublish("t", new Uint8Array(1)), 5));
  held.resolve();
  await settled();
  assert.ok(read > 2 * size, `${read} bytes at once`);
  assert.ok(received > 4 * size, `${received} bytes of 4 messages and one more`);
  assert.deepEqual(facts.filter(({ type }) => type === "dropped"), []);
});

for (const limits of [{ outboxCongested: 1 << 17 }, { readBuffer: 1 << 18 }]) {
  Deno.test(
    `serveLink() loses nothing of a burst for a subscriber who takes all at once when limits are ${
      JSON.stringify(limits)
    }`,
    async () => {
      const { open, facts } = setUp(undefined, 1 << 20, limits);
      const { link: subscriber } = await open();
      await subscriber.arrive(joined([connect, subscribe]));
      const { link: publisher } = await open();
      await publisher.arrive(encode(connectOf(5, "p"), 5));
      let received = 0;
      subscriber.write = async (bytes) => {
        await undefined; // as with a socket: the system has taken it, which is told soon
        await undefined;
        received += bytes.length;
        return bytes.length;
      };
      const packet = encode(plainPublish("t", new Uint8Array(1 << 16)), 5).slice();
      await publisher.arrive(joined(Array<Uint8Array>(40).fill(packet)));
      assert.deepEqual(facts.filter(({ type }) => type === "dropped"), []);
      assert.equal(received, 40 * packet.length);
    },
  );
}

Deno.test("serveLink() drops QoS 0 for a subscriber who has not taken at once what it was sent, until it has", async () => {
  const { open, clock, facts } = setUp(undefined, 1 << 20, { outboxCongested: 1 << 17 });
  const { link: subscriber } = await open();
  await subscriber.arrive(joined([connect, subscribe]));
  const { link: publisher } = await open();
  await publisher.arrive(encode(connectOf(5, "p"), 5));
  const write = subscriber.write.bind(subscriber);
  const held = Promise.withResolvers<void>();
  subscriber.write = async (bytes) => {
    await held.promise;
    return await write(bytes);
  };
  const small = encode(plainPublish("t", new Uint8Array(1)), 5);
  await publisher.arrive(encode(plainPublish("t", new Uint8Array(1 << 18)), 5));
  assert.equal(clock.wishes.at(-1), defaultLimits.drainTimeout * 1000, "with nothing more to come");
  await publisher.arrive(small);
  const drops = [{ type: "dropped", clientId: "c", topic: "t", reason: "congested", count: 1 }];
  assert.deepEqual(facts.filter(({ type }) => type === "dropped"), drops);
  held.resolve();
  await settled();
  await publisher.arrive(small);
  assert.deepEqual(facts.filter(({ type }) => type === "dropped"), drops);
});

Deno.test("serveLink() ends when the client is taken over while it waits for its turn to read", async () => {
  const { open, broken } = setUp();
  const { next, waiting, turns } = turnsInHand();
  const { link, state } = await open(turns);
  next.wait = true;
  await flood(link);
  const { link: other } = await open();
  await other.arrive(connect);
  const reads = { after: 0 };
  link.read = () => {
    reads.after += 1;
    return Promise.resolve(null);
  };
  waiting.shift()!();
  await settled();
  assert.deepEqual(sent(link).at(-1), "disconnect");
  assert.deepEqual([reads.after, state.served, link.closed], [0, true, true]);
  assert.deepEqual(broken, []);
});

Deno.test("serveLink() goes on with what it has read only when the store has answered", async () => {
  const store = new FakeStore(true);
  const { open } = setUp(store);
  const { link } = await open();
  const stored = connectOf(5, "c", { properties: { sessionExpiryInterval: 60 } });
  await link.arrive(joined([encode(stored, 5), pingreq]));
  assert.deepEqual([sent(link), store.calls], [[], ["commit c"]]);
  await store.answer();
  assert.deepEqual(sent(link).join(" "), "connack pingresp");
});

Deno.test("serveLink() tells why and closes when bytes are no MQTT, and takes nothing behind them", async () => {
  const { open, facts } = setUp();
  const { link, state } = await open();
  await link.arrive(connect);
  await link.arrive(joined([pingreq, Uint8Array.of(0x00, 0x00), pingreq]));
  assert.deepEqual(sent(link), ["connack", "pingresp disconnect"]);
  assert.deepEqual([link.closed, state.served], [true, true]);
  const last = decode(Uint8Array.from(link.writes[1]!.slice(2)), 5) as Packet & {
    type: "disconnect";
  };
  assert.equal(last.reasonCode, Reason.malformedPacket);
  assert.deepEqual(
    facts.flatMap((fact) => fact.type === "disconnected" ? [fact.reason] : []),
    ["malformedPacket"],
  );
});

Deno.test("serveLink() refuses a packet by its header when it is above maximumPacketSize", async () => {
  const { open } = setUp();
  const { link } = await open();
  await link.arrive(connect);
  await link.arrive(Uint8Array.of(0x30, 0xe8, 0x07)); // 1000 bytes and the header
  assert.deepEqual(sent(link), ["connack", "disconnect"]);
  assert.equal(link.closed, true);
});

const ends: readonly [name: string, end: (link: OpenLink) => Promise<void>][] = [
  ["the client ends the stream", (link) => link.arrive(null)],
  ["the link breaks", (link) => {
    link.close();
    return settled();
  }],
];

for (const [name, end] of ends) {
  Deno.test(`serveLink() ends with the fact linkLost once when ${name}`, async () => {
    const { open, facts, runtime, broken } = setUp();
    const { link, state } = await open();
    await link.arrive(connect);
    await end(link);
    await settled();
    assert.deepEqual([link.closed, state.served, runtime.size], [true, true, 0]);
    assert.deepEqual(
      facts.flatMap((fact) => fact.type === "disconnected" ? [fact.clientId, fact.reason] : []),
      ["c", "linkLost"],
    );
    assert.deepEqual(broken, []);
  });
}

Deno.test("serveLink() ends when a client sends DISCONNECT, and a late read is no second end", async () => {
  const { open, facts } = setUp();
  const { link, state } = await open();
  await link.arrive(connect);
  await link.arrive(encode({ type: "disconnect", reasonCode: 0, properties: undefined }, 5));
  await settled();
  assert.deepEqual([link.closed, state.served], [true, true]);
  assert.deepEqual(
    facts.flatMap((fact) => fact.type === "disconnected" ? [fact.reason] : []),
    ["clientDisconnected"],
  );
});

Deno.test("serveLink() is not over when its last bytes are still being written", async () => {
  const { open } = setUp();
  const { link, state } = await open();
  await link.arrive(connect);
  const held = Promise.withResolvers<void>();
  const write = link.write.bind(link);
  link.write = (bytes) => held.promise.then(() => write(bytes));
  await link.arrive(pingreq);
  await link.arrive(null);
  assert.deepEqual([link.closed, state.served], [false, false]);
  held.resolve();
  await settled();
  assert.deepEqual(sent(link), ["connack", "pingresp"]);
  assert.deepEqual([link.closed, state.served], [true, true]);
});
