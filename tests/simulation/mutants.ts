/**
 * Brokers that are broken on purpose, in one place each, by putting another function in the place of a
 * method: what the simulation has to find out, and which checker is to do it.
 */

import { Broker } from "../../src/broker/broker.ts";
import type { Event } from "../../src/broker/event.ts";
import type { Plan } from "../../src/broker/plan.ts";
import type { Connect, Packet } from "../../src/packet/packet.ts";
import type { Effect } from "../../src/session/effect.ts";
import type { IndexRecord, Write } from "../../src/session/write.ts";
import * as ids from "../../src/session/packet_id_map.ts";
import { CommitQueue } from "../../src/store/commit_queue.ts";
import { DeliveryQueue } from "../../src/store/delivery_queue.ts";
import type { RunWrite } from "../../src/session/run_write.ts";
import { singles } from "../../src/session/run_write.ts";
import { MemoryStore } from "../../src/store/memory_store.ts";
import { FilterTree } from "../../src/topic/filter_tree.ts";
import { RetainedTree } from "../../src/topic/retained_tree.ts";
import { Outbox } from "../../src/transport/outbox.ts";
import type { Checker } from "./ledger.ts";

export interface Mutant {
  readonly what: string;
  /** In some run this checker finds it, and no other does. */
  readonly by: Checker;
  /** Breaks the broker; what it returns mends it. */
  readonly apply: () => () => void;
}

/** Puts `made` in the place of a method; what it returns puts the method back. */
// deno-lint-ignore no-explicit-any
function patch(target: any, method: string, made: (real: any) => any): () => void {
  const real = target[method];
  target[method] = made(real);
  return () => target[method] = real;
}

/** A store that forgets writes of a type. */
function forgets(type: Write["type"]): () => void {
  return patch(
    MemoryStore.prototype,
    "commit",
    (real) =>
      function (this: MemoryStore, writes: readonly (Write | RunWrite)[]) {
        const all = singles(writes) as readonly Write[];
        return real.call(this, all.filter((write) => write.type !== type));
      },
  );
}

type Properties = NonNullable<Connect["properties"]>;

type Step = (event: Event, now: number) => readonly Effect[];

/** A broker that does something else about events; `step` is the real one. */
function steps(made: (step: Step, event: Event, now: number, broker: Broker) => readonly Effect[]) {
  return patch(
    Broker.prototype,
    "step",
    (real) =>
      function (this: Broker, event: Event, now: number) {
        return made((event, now) => real.call(this, event, now), event, now, this);
      },
  );
}

/** A broker that hears another packet than was sent. */
function hears(other: (packet: Packet, broker: Broker) => Packet): () => void {
  return steps((step, event, now, broker) =>
    event.type === "packet"
      ? step({ ...event, packet: other(event.packet, broker) }, now)
      : step(event, now)
  );
}

/** A broker to which 5.0 clients say something else in CONNECT. */
function hearsInConnect(other: (said: Properties) => Properties): () => void {
  return hears((packet) => {
    if (packet.type !== "connect" || packet.properties === undefined) return packet;
    return { ...packet, properties: other(packet.properties) };
  });
}

/** A broker to which 5.0 clients say another Will Delay Interval. */
function hearsWillDelay(other: (seconds: number) => number): () => void {
  return hears((packet) => {
    if (packet.type !== "connect" || packet.will === undefined) return packet;
    const willDelayInterval = other(packet.will.willDelayInterval);
    return { ...packet, will: { ...packet.will, willDelayInterval } };
  });
}

/** A store of which every start forgets what is in some queues from a place on. */
function forgetsQueues(of: (clientId: string) => boolean, from: number): () => void {
  return patch(
    MemoryStore.prototype,
    "index",
    (real) =>
      async function* (this: MemoryStore): AsyncGenerator<IndexRecord> {
        for (const { clientId, queued } of this.dump().sessions) {
          if (!of(clientId)) continue;
          for (const { message } of queued.slice(from)) {
            this.commit([{ type: "deleteQueued", clientId, order: message.order }]);
          }
        }
        yield* real.call(this);
      },
  );
}

const isGroup = (clientId: string) => clientId.startsWith("\u0000");

/** Does `made` with every so many-th call of a method of the outbox. */
function oneIn(
  count: number,
  method: "appendAs",
  made: (real: (...frame: unknown[]) => boolean, frame: unknown[]) => boolean,
): () => void {
  let calls = 0;
  return patch(
    Outbox.prototype,
    method,
    (real) =>
      function (this: Outbox, ...frame: unknown[]) {
        const call = (...frame: unknown[]) => real.apply(this, frame);
        return ++calls % count === 0 ? made(call, frame) : call(...frame);
      },
  );
}

/** Of frames that leave together one goes behind the next, now and then. */
function overtakes(): () => void {
  const kept = new WeakMap<Outbox, unknown[]>();
  let calls = 0;
  let append: (...frame: unknown[]) => boolean;
  const letGo = (outbox: Outbox): void => {
    const frame = kept.get(outbox);
    kept.delete(outbox);
    if (frame !== undefined) append.apply(outbox, frame);
  };
  const restoreAppend = patch(Outbox.prototype, "appendAs", (real) => {
    append = real;
    return function (this: Outbox, ...frame: unknown[]) {
      if (!kept.has(this) && ++calls % 3 === 0) {
        kept.set(this, frame);
        return true;
      }
      const done = real.apply(this, frame);
      letGo(this);
      return done;
    };
  });
  const restoreFlush = patch(Outbox.prototype, "flush", (real) =>
    function (this: Outbox) {
      letGo(this);
      return real.call(this);
    });
  return () => {
    restoreAppend();
    restoreFlush();
  };
}

/** Acknowledgements that stand in a persist leave at once, and the persist does the rest. */
function acknowledgesEarly(): () => void {
  const early = new WeakSet<object>();
  return steps((step, event, now) => {
    const effects: Effect[] = [];
    for (const effect of step(event, now)) {
      if (effect.type === "send" && early.has(effect.packet)) continue;
      if (effect.type === "persist" && effect.writes.length > 0) {
        for (const each of effect.then) {
          if (each.type !== "send") continue;
          if (!["puback", "pubrec", "suback"].includes(each.packet.type)) continue;
          early.add(each.packet);
          effects.push(each);
        }
      }
      effects.push(effect);
    }
    return effects;
  });
}

export const mutants: readonly Mutant[] = [
  {
    what: "PUBACK, PUBREC and SUBACK leave before their commit",
    by: "durable",
    apply: acknowledgesEarly,
  },
  {
    what: "a restart forgets the queues of sessions",
    by: "delivered",
    apply: () => forgetsQueues((clientId) => !isGroup(clientId), 0),
  },
  {
    what: "one message in ten is for no group",
    by: "shared",
    apply: () => {
      let calls = 0;
      return patch(
        FilterTree.prototype,
        "match",
        (real) =>
          function (this: FilterTree<unknown, Plan>, topic: string) {
            const plan = real.call(this, topic);
            return ++calls % 10 === 0 ? { ...plan, groups: [] } : plan;
          },
      );
    },
  },
  {
    what: "the Packet Identifier of a QoS 2 PUBLISH is forgotten before it comes again",
    by: "once",
    apply: () =>
      steps((step, event, now, broker) => {
        if (event.type === "packet" && event.packet.type === "publish" && event.packet.dup) {
          const client = broker.snapshot().connections.get(event.connection)?.client;
          if (client !== undefined) {
            const received = ids.remove(client.session.received, event.packet.packetId);
            client.session = { ...client.session, received };
          }
        }
        return step(event, now);
      }),
  },
  {
    what: "one PUBLISH in ten is sent after the next one",
    by: "order",
    apply: overtakes,
  },
  {
    what: "No Local is not heeded",
    by: "asked",
    apply: () =>
      patch(
        FilterTree.prototype,
        "match",
        (real) =>
          function (this: FilterTree<unknown, Plan>, topic: string) {
            const { targets, ...plan }: Plan = real.call(this, topic);
            const deaf = targets.map((target) => ({ ...target, someNoLocal: false }));
            return { ...plan, targets: deaf, someNoLocal: false, cast: undefined };
          },
      ),
  },
  {
    what: "a message that is refused goes out with QoS 0",
    by: "refused",
    apply: () =>
      steps((step, event, now) => {
        const effects = step(event, now);
        if (event.type !== "packet" || event.packet.type !== "publish") return effects;
        const { packet } = event;
        const refused = effects.some((effect) =>
          effect.type === "persist" && effect.then.some((each) =>
            each.type === "send" && "reasonCode" in each.packet && each.packet.reasonCode === 0x97
          )
        );
        if (!refused || packet.topic === "") return effects;
        return [...effects, ...step({ ...event, packet: { ...packet, qos: 0, packetId: 0 } }, now)];
      }),
  },
  {
    what: "QoS 0 goes nowhere while the disk is full",
    by: "flow",
    apply: () =>
      steps((step, event, now, broker) => {
        const effects = step(event, now);
        if (!broker.snapshot().storeFull) return effects;
        return effects.filter(({ type }) => type !== "deliver");
      }),
  },
  {
    what: "what is retained is not replaced",
    by: "retained",
    apply: () =>
      hears((packet, broker) =>
        packet.type === "publish" && broker.snapshot().retained.get(packet.topic) !== undefined
          ? { ...packet, retain: false }
          : packet
      ),
  },
  {
    what: "Will Delays are over at once",
    by: "wills",
    apply: () => hearsWillDelay(() => 0),
  },
  {
    what: "one PUBLISH in thirty is sent twice",
    by: "packetIds",
    apply: () => oneIn(30, "appendAs", (real, frame) => real(...frame) && real(...frame)),
  },
  {
    what: "the Receive Maximum of clients is not heard",
    by: "receiveMaximum",
    apply: () => hearsInConnect((said) => ({ ...said, receiveMaximum: 65_535 })),
  },
  {
    what: "the Maximum Packet Size of clients is not heard",
    by: "packetSize",
    apply: () => hearsInConnect(({ maximumPacketSize: _, ...said }) => said),
  },
  {
    what: "DISCONNECT is sent twice",
    by: "afterClose",
    apply: () =>
      steps((step, event, now) =>
        step(event, now).flatMap((effect) =>
          effect.type === "send" && effect.packet.type === "disconnect"
            ? [effect, effect]
            : [effect]
        )
      ),
  },
  {
    what: "PINGREQ is answered twice",
    by: "protocol",
    apply: () =>
      steps((step, event, now) =>
        step(event, now).flatMap((effect) =>
          effect.type === "send" && effect.packet.type === "pingresp" ? [effect, effect] : [effect]
        )
      ),
  },
  {
    what: "sessions expire in a fifth of their time",
    by: "expiry",
    apply: () =>
      hearsInConnect(({ sessionExpiryInterval = 0, ...said }) => ({
        ...said,
        sessionExpiryInterval: Math.ceil(sessionExpiryInterval / 5),
      })),
  },
  {
    what: "what is deleted from queues stays on the disk",
    by: "fold",
    apply: () => forgets("deleteQueued"),
  },
  {
    what: "what is deleted from what is inflight stays on the disk", // comes again, as QoS 1 may
    by: "fold",
    apply: () => forgets("deleteInflight"),
  },
  {
    what: "the total of queued messages is wrong while the disk is full",
    by: "totals",
    apply: () =>
      steps((step, event, now, broker) => {
        if (event.type === "store") {
          (broker.snapshot() as { queuedMessages: number }).queuedMessages += event.full ? 1 : -1;
        }
        return step(event, now);
      }),
  },
  {
    what: "an outbox is never drained",
    by: "idle",
    apply: () =>
      patch(Outbox.prototype, "flush", (real) => {
        let count = 0;
        return function (this: Outbox) {
          if (++count % 40 !== 0) real.call(this);
        };
      }),
  },
  {
    what: "sessions that have ended stay on the disk",
    by: "left",
    apply: () => forgets("deleteSession"),
  },
  {
    what: "it does not hear of other rules of auto-subscribe",
    by: "byHand",
    apply: () => steps((step, event, now) => event.type === "rules" ? [] : step(event, now)),
  },
  {
    what: "UNSUBSCRIBE throws",
    by: "broken",
    apply: () =>
      steps((step, event, now) => {
        if (event.type === "packet" && event.packet.type === "unsubscribe") throw new Error("!");
        return step(event, now);
      }),
  },
];

/** What has to be found out too, by whichever checker but the one that compares disk and memory. */
export const others: Readonly<Record<string, () => () => void>> = {
  "putReceived is not stored": () => forgets("putReceived"),
  "deleteReceived is not stored": () => forgets("deleteReceived"),
  "putInflight is not stored": () => forgets("putInflight"),
  "putQueued is not stored": () => forgets("putQueued"),
  "deleteQueued is not stored": () => forgets("deleteQueued"),
  "putWill is not stored": () => forgets("putWill"),
  "putSubscription is not stored": () => forgets("putSubscription"),
  "deleteSubscription is not stored": () => forgets("deleteSubscription"),
  "putRetained is not stored": () => forgets("putRetained"),
  "deleteRetained is not stored": () => forgets("deleteRetained"),
  "putDelayed is not stored": () => forgets("putDelayed"),
  "a subscription stays in the tree after its end": () =>
    patch(FilterTree.prototype, "remove", () => () => {}),
  "a stored queue is read backwards": () =>
    patch(
      DeliveryQueue.prototype,
      "read",
      (real) =>
        function (this: DeliveryQueue, from: number, most: number) {
          return real.call(this, from, most).reverse();
        },
    ),
  "what is retained is not replaced in memory": () =>
    patch(
      RetainedTree.prototype,
      "set",
      (real) =>
        function (this: RetainedTree<unknown>, topic: string, value: unknown) {
          const known = this.get(topic);
          return known === undefined ? real.call(this, topic, value) : known;
        },
    ),
  "a commit in fifty is lost": () => {
    let count = 0;
    return patch(
      MemoryStore.prototype,
      "commit",
      (real) =>
        function (this: MemoryStore, writes: readonly (Write | RunWrite)[]) {
          return ++count % 50 === 0 ? undefined : real.call(this, writes);
        },
    );
  },
  "what writes nothing overtakes what does": () =>
    patch(
      CommitQueue.prototype,
      "passes",
      () => ({ writes }: { writes: readonly Write[] }) => writes.length === 0,
    ),
  "what a client has unsubscribed from comes back with other rules": () =>
    steps((step, event, now, broker) => {
      if (event.type !== "rules") return step(event, now);
      for (const client of broker.snapshot().clients.values()) {
        const subscriptions = { ...client.session.subscriptions, unsubscribed: new Set<string>() };
        client.session = { ...client.session, subscriptions };
      }
      return step(event, now);
    }),
  "one PUBLISH in thirty has Packet Identifier 0": () =>
    oneIn(30, "appendAs", (real, [bytes, at]) => real(bytes, at, 0)),
};
