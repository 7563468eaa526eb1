/**
 * The broker without a network: real runtime, links in memory, clients that answer at once. What is left is
 * the work of dunlin itself, so bytes allocated a message hardly depend on the machine, and the time less than
 * over sockets. `allocations.ts` compares the bytes with a committed baseline.
 */

import { joined } from "../../src/packet/joined.ts";
import { anonymousOnly } from "../../src/authentication/authenticator.ts";
import { Broker } from "../../src/broker/broker.ts";
import type { Rules } from "../../src/policy/rules.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import { Runtime } from "../../src/server/runtime.ts";
import { outboxLimitsOf, serveLink } from "../../src/server/serve_link.ts";
import { MemoryStore } from "../../src/store/memory_store.ts";
import type { Link } from "../../src/transport/transport.ts";
import { encode } from "../../src/packet/encode.ts";
import type { Connect, QoS, SubscriptionRequest } from "../../src/packet/packet.ts";
import { connectOf, plainPublish } from "../packets.ts";

export interface Workload {
  readonly name: string;
  readonly version: 4 | 5;
  readonly qos: QoS;
  /** Pairs of one publisher and its subscribers. */
  readonly pairs: number;
  readonly subscribers: number;
  /** Messages in one read of a publisher. */
  readonly batch: number;
  readonly payload: number;
}

/** A client's end of a link: what it sends is read by the broker, what is written to it is answered. */
export class BenchLink implements Link {
  readonly address = "bench";
  /** PUBLISH packets and acknowledgements that came. */
  publishes = 0;
  acknowledgements = 0;
  readonly #answers = new Uint8Array(1 << 16);
  #waiting: ((count: number) => void) | undefined;
  #into: Uint8Array | undefined;

  read(into: Uint8Array): Promise<number | null> {
    this.#into = into;
    return new Promise((resolve) => this.#waiting = resolve);
  }

  /** Hands bytes to the broker's read, in as many reads as it takes. */
  async sends(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      while (this.#waiting === undefined) await undefined;
      const count = Math.min(bytes.length - at, this.#into!.length);
      this.#into!.set(bytes.subarray(at, at + count));
      at += count;
      const resolve = this.#waiting;
      this.#waiting = undefined;
      resolve(count);
    }
  }

  async write(bytes: Uint8Array): Promise<number> {
    const end = this.#answer(bytes);
    if (end > 0) await this.sends(this.#answers.subarray(0, end));
    return bytes.length;
  }

  close(): void {}

  /** Writes the acknowledgements for what came; how many bytes. Frames are whole, as an outbox writes them. */
  #answer(bytes: Uint8Array): number {
    let end = 0;
    for (let at = 0; at < bytes.length;) {
      const type = bytes[at]! >> 4;
      const qos = (bytes[at]! >> 1) & 3;
      let length = 0, shift = 0, next = at + 1;
      do length |= (bytes[next]! & 127) << shift, shift += 7; while (bytes[next++]! > 127);
      if (type === 3) {
        this.publishes += 1;
        const idAt = next + 2 + (bytes[next]! << 8 | bytes[next + 1]!);
        if (qos > 0) end = this.#put(end, qos === 1 ? 0x40 : 0x50, bytes, idAt);
      } else if (type === 4 || type === 7) {
        this.acknowledgements += 1;
      } else if (type === 5) {
        end = this.#put(end, 0x62, bytes, next);
      } else if (type === 6) {
        end = this.#put(end, 0x70, bytes, next);
      }
      at = next + length;
    }
    return end;
  }

  #put(at: number, first: number, from: Uint8Array, idAt: number): number {
    this.#answers[at] = first;
    this.#answers[at + 1] = 2;
    this.#answers[at + 2] = from[idAt]!;
    this.#answers[at + 3] = from[idAt + 1]!;
    return at + 4;
  }
}

/** A workload that is connected and ready; `round` lets every publisher send one batch and waits for all. */
export async function prepare(work: Workload, rules: Rules = defaultRules) {
  const runtime = new Runtime({
    broker: new Broker(rules),
    store: new MemoryStore(false),
    clock: { now: () => 1_000_000, wakeAt() {}, stop() {} },
    authenticator: anonymousOnly,
    observe: () => {},
    outboxDropped: () => {},
    broken: (error) => {
      throw error;
    },
    fail: (error) => {
      throw error;
    },
  });
  const { limits } = defaultRules;
  let id = 0;
  async function open(name: string, more: Partial<Connect> = {}): Promise<BenchLink> {
    const link = new BenchLink();
    const peer = { address: "bench", listener: "bench", anonymousAllowed: true };
    const entropy = () => new Uint8Array(16);
    const serving = { runtime, limits, outboxLimits: outboxLimitsOf(limits), entropy };
    serveLink(serving, link, ++id, peer);
    await link.sends(
      encode(connectOf(work.version, name, more), work.version),
    );
    return link;
  }
  const publishers: { link: BenchLink; batch: Uint8Array }[] = [];
  const subscribers: BenchLink[] = [];
  for (let pair = 0; pair < work.pairs; pair++) {
    const topic = `bench/pair/${pair}`;
    for (let at = 0; at < work.subscribers; at++) {
      const link = await open(`s${pair}-${at}`);
      await link.sends(
        encode({
          type: "subscribe",
          packetId: 1,
          subscriptions: [request(topic, work.qos)],
          userProperties: undefined,
        }, work.version),
      );
      subscribers.push(link);
    }
    publishers.push({ link: await open(`p${pair}`), batch: batchOf(topic, work) });
  }
  await idle();
  return {
    /** Connects one more client, with Clean Start unless `more` says otherwise. */
    open,
    /** What the timer does in a real broker: here nothing comes by itself. */
    tick(): void {
      runtime.feed({ type: "tick" });
      runtime.endTurn();
    },
    async round(): Promise<void> {
      for (const { link, batch } of publishers) await link.sends(batch);
      await idle();
    },
    received: () => subscribers.reduce((sum, link) => sum + link.publishes, 0),
    acknowledged: () => publishers.reduce((sum, { link }) => sum + link.acknowledgements, 0),
  };
}

export function request(filter: string, qos: QoS): SubscriptionRequest {
  return {
    filter,
    options: {
      qos,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0,
      subscriptionIdentifier: undefined,
    },
  };
}

function batchOf(topic: string, { batch, payload, qos, version }: Workload): Uint8Array {
  const frames = Array.from({ length: batch }, (_, at) =>
    encode(
      plainPublish(topic, new Uint8Array(payload).fill(at), {
        qos,
        packetId: qos === 0 ? 0 : at + 1,
      }),
      version,
    ));
  return joined(frames);
}

/** All promises that hang on each other have been kept: a chain of a round is far shorter than this. */
export function idle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Work like mqload's, by the names of the table in `main.ts`. */
export const workloads: readonly Workload[] = [
  { name: "pairs qos 0", version: 4, qos: 0, pairs: 50, subscribers: 1, batch: 50, payload: 64 },
  {
    name: "pairs qos 0, 5.0",
    version: 5,
    qos: 0,
    pairs: 50,
    subscribers: 1,
    batch: 50,
    payload: 64,
  },
  { name: "pairs qos 1", version: 4, qos: 1, pairs: 100, subscribers: 1, batch: 20, payload: 64 },
  {
    name: "pairs qos 1, 5.0",
    version: 5,
    qos: 1,
    pairs: 100,
    subscribers: 1,
    batch: 20,
    payload: 64,
  },
  { name: "pairs qos 2", version: 4, qos: 2, pairs: 100, subscribers: 1, batch: 20, payload: 64 },
  {
    name: "fanout qos 0, 100",
    version: 4,
    qos: 0,
    pairs: 1,
    subscribers: 100,
    batch: 50,
    payload: 64,
  },
  {
    name: "fanout qos 1, 100",
    version: 4,
    qos: 1,
    pairs: 1,
    subscribers: 100,
    batch: 20,
    payload: 64,
  },
];
