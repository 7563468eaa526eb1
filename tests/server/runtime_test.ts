/** The runtime's loop: the order of events and effects, what a turn's end does, and broken invariants. */

import assert from "node:assert/strict";
import { FrameSplitter } from "../../src/packet/frame_splitter.ts";
import type { Authenticator } from "../../src/authentication/authenticator.ts";
import { anonymousOnly } from "../../src/authentication/authenticator.ts";
import type { Event } from "../../src/broker/event.ts";
import { encodePublish } from "../../src/packet/publish_frame.ts";
import { ANONYMOUS } from "../../src/policy/identity.ts";
import { Runtime, type Wire } from "../../src/server/runtime.ts";
import type { Effect } from "../../src/session/effect.ts";
import type { Fact } from "../../src/session/fact.ts";
import { Outbox, type OutboxLimits } from "../../src/transport/outbox.ts";
import { FakeBroker, FakeClock, FakeStore, OpenLink, persist, settled } from "./fakes.ts";

const roomy: OutboxLimits = { congested: 1000, drained: 100, maximum: 2000, linger: 1000 };
const PINGRESP = [0xd0, 0];

interface Options {
  readonly answer: (event: Event) => readonly Effect[];
  readonly store?: FakeStore;
  readonly authenticator?: Authenticator;
  readonly limits?: Partial<OutboxLimits>;
}

/** A runtime with connections 1 and 2. */
function setUp({ answer, store = new FakeStore(false), authenticator, limits }: Options) {
  const broker = new FakeBroker(answer);
  const clock = new FakeClock();
  const facts: Fact[] = [];
  const broken: unknown[] = [];
  const failures: unknown[] = [];
  const dropped = { count: 0 };
  const runtime = new Runtime({
    broker: broker.asBroker,
    store,
    clock,
    authenticator: authenticator ?? anonymousOnly,
    observe: (fact) => facts.push(fact),
    outboxDropped: (frames) => dropped.count += frames,
    broken: (error) => broken.push(error),
    fail: (error) => failures.push(error),
  });
  const links = new Map<number, OpenLink>();
  const wires = new Map<number, Wire>();
  for (const id of [1, 2]) {
    const link = new OpenLink();
    const outbox = new Outbox(link, { ...roomy, ...limits }, (state) => {
      if (state !== "failed") runtime.feed({ type: state, connection: id });
      if (state === "drained") runtime.endTurn();
    });
    const wire = {
      outbox,
      version: 5,
      paused: false,
      singly: false,
      splitter: new FrameSplitter(1_000),
      touched: false,
      gone: false,
      onResume: undefined,
    } as const;
    links.set(id, link);
    wires.set(id, wire);
    runtime.attach(id, wire);
  }
  return { runtime, broker, clock, facts, broken, failures, dropped, links, wires, store };
}

function send(to: number): Effect {
  return { type: "send", to, packet: { type: "pingresp" } };
}

/** A PUBACK to connection 1, by itself and as one of a run. */
const ACKNOWLEDGEMENTS: readonly (readonly [string, Effect])[] = [
  ["an acknowledgement", {
    type: "send",
    to: 1,
    packet: { type: "puback", packetId: 7, reasonCode: 0, properties: undefined },
  }],
  ["a run of acknowledgements", {
    type: "acknowledge",
    to: 1,
    packet: "puback",
    packetIds: [7],
  }],
];

/** The name of an event and whom it is about. */
function label(event: Event): string {
  return "connection" in event ? `${event.type} ${event.connection}` : event.type;
}

const from = (connection: number): Event => ({
  type: "packet",
  connection,
  packet: { type: "pingreq" },
});

/** One that does not settle what came before it. */
const puback: Event = {
  type: "packet",
  connection: 1,
  packet: { type: "puback", packetId: 1, reasonCode: 0, properties: undefined },
};

Deno.test("Runtime.feed() performs all effects of an event before an event that they led to", () => {
  const done: string[] = [];
  const { runtime, broker, facts } = setUp({
    answer: (event) => {
      done.push(`step ${label(event)}, facts ${facts.length}`);
      if (event.type !== "packet") return [{ ...send(1) }];
      return [
        {
          type: "authenticate",
          connection: 1,
          step: "first",
          credentials: {
            clientId: "x",
            username: undefined,
            password: undefined,
            authenticationMethod: undefined,
            authenticationData: undefined,
            protocolVersion: 5,
            peer: { address: "a", listener: "l", anonymousAllowed: true },
          },
        },
        { type: "observe", fact: fact("after") },
      ];
    },
  });
  runtime.feed(from(1));
  assert.deepEqual(broker.events.map(label), ["packet 1", "authenticated 1"]);
  assert.deepEqual(done, ["step packet 1, facts 0", "step authenticated 1, facts 1"]);
});

function fact(clientId: string): Fact {
  return { type: "sessionEnded", clientId, why: "expired", messagesDropped: 0 };
}

Deno.test("Runtime.feed() takes events in the order in which they came when they lead to more", () => {
  const { runtime, broker } = setUp({
    answer: (event) =>
      event.type === "packet"
        ? [persist(undefined, 1), { type: "observe", fact: fact("x") }, persist(undefined, 2)]
        : [],
  });
  runtime.feed(from(1));
  runtime.feed({ type: "tick" });
  assert.deepEqual(broker.events.map(label), ["packet 1", "settled", "tick"]);
  const [, settled] = broker.events;
  assert.ok(settled?.type === "settled");
  assert.deepEqual(settled.persists.map(({ then }) => then), [[send(1)], [send(2)]]);
});

Deno.test("Runtime answers a run of publications in one event when the turn ends", () => {
  const { runtime, broker } = setUp({
    answer: (event) => event.type === "packet" ? [persist(undefined, 1)] : [],
  });
  for (let count = 0; count < 3; count++) runtime.feed(puback);
  assert.deepEqual(broker.events.map(label), ["packet 1", "packet 1", "packet 1"]);
  runtime.endTurn();
  const last = broker.events.at(-1);
  assert.ok(last?.type === "settled");
  assert.equal(last.persists.length, 3);
});

Deno.test("Runtime.letPass() settles what waits for no store, whose bytes leave at the end of the turn", async () => {
  const { runtime, broker, links, store } = setUp({
    answer: (event) => {
      if (event.type === "settled") return event.persists.flatMap(({ then }) => then);
      return [persist(undefined, 1)];
    },
  });
  runtime.feed(puback);
  assert.deepEqual(broker.events.map(label), ["packet 1"]);
  runtime.letPass();
  assert.deepEqual(broker.events.map(label), ["packet 1", "settled"]);
  await settled();
  assert.deepEqual(links.get(1)!.writes, []);
  runtime.endTurn();
  await settled();
  assert.deepEqual(links.get(1)!.writes, [PINGRESP]);
  assert.deepEqual(broker.events.map(label), ["packet 1", "settled"]);
  assert.deepEqual(store.calls, []);
});

Deno.test("Runtime.letPass() leaves what waits for the store, and what waits behind it", () => {
  const persists = [persist("a", 1), persist(undefined, 1)];
  const { runtime, broker, store } = setUp({
    answer: (event) => event.type === "packet" ? persists : [],
  });
  runtime.feed(puback);
  runtime.letPass();
  assert.deepEqual([broker.events.map(label), store.calls], [["packet 1"], []]);
  runtime.endTurn();
  assert.deepEqual(store.calls, ["commit a"]);
  const [, ...rest] = broker.events;
  assert.deepEqual(
    rest.flatMap((event) => event.type === "settled" ? event.persists : []),
    persists,
  );
});

Deno.test("Runtime.endTurn() writes once a link when several packets have gathered", async () => {
  const { runtime, links } = setUp({ answer: () => [send(1), send(2), send(1)] });
  runtime.feed(from(1));
  runtime.feed(from(1));
  await settled();
  assert.deepEqual(links.get(1)!.writes, []);
  runtime.endTurn();
  await settled();
  assert.deepEqual(links.get(1)!.writes, [[...PINGRESP, ...PINGRESP, ...PINGRESP, ...PINGRESP]]);
  assert.deepEqual(links.get(2)!.writes, [[...PINGRESP, ...PINGRESP]]);
});

for (const [name, acknowledgement] of ACKNOWLEDGEMENTS) {
  Deno.test(`Runtime.endTurn() writes what others wait for before ${name} that came first`, async () => {
    const order: number[] = [];
    const { runtime, links } = setUp({ answer: () => [acknowledgement, send(2)] });
    for (const [id, link] of links) {
      const write = link.write.bind(link);
      link.write = (bytes) => {
        order.push(id);
        return write(bytes);
      };
    }
    runtime.feed(from(1));
    runtime.endTurn();
    await settled();
    assert.deepEqual(order, [2, 1]);
    assert.deepEqual(links.get(1)!.writes, [[0x40, 2, 0, 7]]);
    runtime.feed(from(1));
    runtime.endTurn();
    await settled();
    assert.deepEqual(order, [2, 1, 2, 1], "the next turn does the same");
  });
}

Deno.test("Runtime.endTurn() commits first, so that what waited for it leaves in the same turn", async () => {
  const { runtime, links, store } = setUp({
    answer: (event) => {
      if (event.type === "settled") return event.persists.flatMap(({ then }) => then);
      return [persist("a", 1)];
    },
  });
  runtime.feed(from(1));
  assert.deepEqual(store.calls, []);
  runtime.endTurn();
  await settled();
  assert.deepEqual(store.calls, ["commit a"]);
  assert.deepEqual(links.get(1)!.writes, [PINGRESP]);
});

Deno.test("Runtime lets nothing leave before its commit when the store answers later", async () => {
  const store = new FakeStore(true);
  const { runtime, links } = setUp({
    store,
    answer: (event) => {
      if (event.type === "settled") return event.persists.flatMap(({ then }) => then);
      return [persist("a", 1)];
    },
  });
  runtime.feed(from(1));
  runtime.endTurn();
  await settled();
  assert.deepEqual(links.get(1)!.writes, []);
  assert.equal(runtime.idle, false);
  await store.answer();
  assert.deepEqual(links.get(1)!.writes, [PINGRESP]);
  assert.equal(runtime.idle, true);
});

Deno.test("Runtime tells of a failure when a commit is rejected, and sends nothing", async () => {
  const store = new FakeStore(true);
  const { runtime, links, failures } = setUp({ store, answer: () => [persist("a", 1)] });
  runtime.feed(from(1));
  runtime.endTurn();
  const error = new Error("disk");
  await store.fail(error);
  assert.deepEqual(failures, [error]);
  assert.deepEqual(links.get(1)!.writes, []);
});

Deno.test("Runtime.endTurn() wishes to be woken at the broker's next deadline", () => {
  const { runtime, broker, clock } = setUp({ answer: () => [] });
  broker.deadline = 42;
  runtime.feed({ type: "tick" });
  runtime.endTurn();
  broker.deadline = undefined;
  runtime.endTurn();
  assert.deepEqual(clock.wishes, [42, undefined]);
});

Deno.test("Runtime gives all events of a turn one time, and each turn its own", () => {
  const { runtime, broker, clock } = setUp({ answer: () => [] });
  clock.time = 1_000;
  runtime.feed(from(2));
  clock.time = 2_000;
  runtime.feed(from(1));
  runtime.endTurn();
  clock.time = 9_000;
  runtime.feed({ type: "tick" });
  assert.deepEqual(broker.times, [1_000, 1_000, 9_000]);
});

Deno.test("Runtime closes only the connection whose event broke an invariant", async () => {
  const error = new Error("invariant");
  const { runtime, broker, broken, links, wires } = setUp({
    answer: (event) => {
      if (event.type === "packet" && event.connection === 1) throw error;
      return event.type === "packet" ? [send(event.connection)] : [];
    },
  });
  runtime.feed(from(1));
  runtime.feed(from(2));
  runtime.endTurn();
  await settled();
  assert.deepEqual(broken, [error]);
  assert.deepEqual(broker.events.map(label), ["packet 1", "closed 1", "packet 2"]);
  assert.deepEqual([links.get(1)!.closed, links.get(2)!.closed], [true, false]);
  assert.deepEqual(links.get(2)!.writes, [PINGRESP]);
  assert.deepEqual([wires.get(2)!.outbox.closed, runtime.size], [false, 1]);
});

Deno.test("Runtime closes nobody and goes on when an event of no connection breaks an invariant", async () => {
  const { runtime, broken, links } = setUp({
    answer: (event) => {
      if (event.type === "tick") throw new Error("invariant");
      return [send(1)];
    },
  });
  runtime.feed({ type: "tick" });
  runtime.feed(from(1));
  runtime.endTurn();
  await settled();
  assert.equal(broken.length, 1);
  assert.equal(links.get(1)!.closed, false);
  assert.deepEqual(links.get(1)!.writes, [PINGRESP]);
});

Deno.test("Runtime gives up the end of a connection when that breaks an invariant too", () => {
  const { runtime, broker, broken } = setUp({
    answer: () => {
      throw new Error("always");
    },
  });
  runtime.feed(from(1));
  assert.deepEqual(broker.events.map(label), ["packet 1", "closed 1"]);
  assert.equal(broken.length, 2);
});

Deno.test("Runtime drops and counts QoS 0 when an outbox is full, and closes for what may not be dropped", async () => {
  const frame = (qos: 0 | 1) =>
    encodePublish({
      topic: "t",
      payload: new Uint8Array(900),
      qos,
      retain: false,
      dup: false,
      properties: undefined,
    }, 5);
  const { runtime, broker, dropped, links } = setUp({
    answer: (event) => {
      if (event.type !== "packet") return [];
      if (event.connection === 1) return [{ type: "deliver", to: [1, 2], frame: frame(0) }];
      return [{ type: "deliverAs", to: 1, frame: frame(1), packetId: 7 }];
    },
  });
  for (let count = 0; count < 3; count++) runtime.feed(from(1)); // the third finds no room
  assert.equal(dropped.count, 2);
  runtime.feed(from(2));
  assert.deepEqual(broker.events.slice(-2), [
    from(2),
    { type: "closed", connection: 1, reason: "outboxFull" },
  ]);
  runtime.endTurn();
  await settled();
  assert.deepEqual([links.get(1)!.closed, links.get(2)!.closed], [true, false]);
});

Deno.test("Runtime writes out what a connection is owed before it closes it, and sends nothing after", async () => {
  const { runtime, links } = setUp({
    answer: (event) =>
      event.type === "packet" ? [send(1), { type: "close", connection: 1 }, send(1)] : [],
  });
  runtime.feed(from(1));
  runtime.endTurn();
  await settled();
  assert.deepEqual(links.get(1)!.writes, [PINGRESP]);
  assert.equal(links.get(1)!.closed, true);
  assert.equal(runtime.size, 1);
});

Deno.test("Runtime.feed() looks at no outbox twice when it closes all of them in one turn", () => {
  const all = 1_000;
  const { runtime } = setUp({
    answer: () => Array.from({ length: all }, (_, at) => ({ type: "close", connection: 10 + at })),
  });
  let looks = 0;
  for (let id = 10; id < 10 + all; id++) {
    const outbox = new Outbox(new OpenLink(), roomy, () => {});
    Object.defineProperty(outbox, "closed", {
      get() {
        looks += 1;
        return false;
      },
    });
    runtime.attach(id, {
      outbox,
      version: 5,
      paused: false,
      singly: false,
      splitter: new FrameSplitter(1_000),
      touched: false,
      gone: false,
      onResume: undefined,
    });
  }
  runtime.feed({ type: "shutdown" });
  assert.equal(looks, all);
});

Deno.test("Runtime.drained() waits for an outbox that is written out no longer than its link is open", async () => {
  const { runtime, links, wires } = setUp({
    answer: () => [send(1), { type: "close", connection: 1 }],
  });
  const held = Promise.withResolvers<number>();
  links.get(1)!.write = () => held.promise;
  runtime.feed({ type: "shutdown" });
  runtime.endTurn();
  let drained = false;
  const waiting = runtime.drained(10_000).then(() => drained = true);
  await settled();
  assert.equal(drained, false);
  wires.get(1)!.outbox.abort();
  runtime.ended(wires.get(1)!.outbox);
  await waiting;
});

Deno.test("Runtime lets a paused reader go on when it is resumed, and when its connection is closed", () => {
  let effects: readonly Effect[] = [];
  const { runtime, wires } = setUp({ answer: () => effects });
  for (const end of ["resume", "close"] as const) {
    const wire = wires.get(end === "resume" ? 1 : 2)!;
    const connection = end === "resume" ? 1 : 2;
    effects = [{ type: "pause", connection }];
    runtime.feed(from(connection));
    assert.equal(wire.paused, true);
    let resumed = 0;
    wire.onResume = () => resumed++;
    effects = [{ type: end, connection }];
    runtime.feed(from(connection));
    assert.deepEqual([wire.paused, resumed], [false, 1]);
  }
});

const verdicts: readonly [name: string, verify: Authenticator["verify"], type: string][] = [
  ["accepts", () => Promise.resolve({ type: "accepted", identity: ANONYMOUS }), "accepted"],
  ["rejects, against its promise", () => Promise.reject(new Error("down")), "refused"],
];

for (const [name, verify, type] of verdicts) {
  Deno.test(`Runtime feeds the verdict and ends the turn when an authenticator ${name} later`, async () => {
    const { runtime, broker, links } = setUp({
      authenticator: { verify },
      answer: (event) => {
        if (event.type === "authenticated") return [send(1)];
        return [{
          type: "authenticate",
          connection: 1,
          step: "first",
          // deno-lint-ignore no-explicit-any -- what it is does not matter here
          credentials: {} as any,
        }];
      },
    });
    runtime.feed(from(1));
    runtime.endTurn();
    await settled();
    const [, event] = broker.events;
    assert.equal(event?.type === "authenticated" && event.verdict.type, type);
    assert.deepEqual(links.get(1)!.writes, [PINGRESP]);
  });
}

for (const end of ["detach", "close"] as const) {
  Deno.test(`Runtime drops the exchange of a connection when it has gone by ${end}`, async () => {
    const authenticator: Authenticator = {
      verify: () => assert.fail("no method was named"),
      begin: () => ({ step: () => ({ type: "continue", data: undefined }) }),
    };
    let effects: readonly Effect[] = [];
    const { runtime, broker } = setUp({
      authenticator,
      answer: (event) => event.type === "packet" ? effects : [],
    });
    const ask = (step: "first" | "next"): Effect => ({
      type: "authenticate",
      connection: 1,
      step,
      // deno-lint-ignore no-explicit-any -- only the method matters here
      credentials: { authenticationMethod: "M" } as any,
    });
    const types: string[] = [];
    for (const step of ["first", "next", "gone"] as const) {
      effects = [step === "gone" ? { type: "close", connection: 1 } : ask(step)];
      if (step === "gone" && end === "detach") runtime.detach(1);
      else runtime.feed(from(1));
    }
    effects = [ask("next")];
    runtime.feed(from(1));
    await settled();
    for (const event of broker.events) {
      if (event.type === "authenticated") types.push(event.verdict.type);
    }
    assert.deepEqual(types, ["continue", "continue", "refused"]);
  });
}
