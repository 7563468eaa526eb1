/**
 * A publisher of `own_load.ts`: closed loop, as fast as its subscribers and its acknowledgements let it, or
 * open loop, at a rate, where a message's time is the one at which it was due.
 */

import type { QoS } from "../../src/packet/packet.ts";
import type { LoadClient, Version } from "./own_client.ts";
import { Template } from "./own_stream.ts";

export interface Publishing {
  readonly qos: QoS;
  readonly version: Version;
  readonly payload: number;
  /** Messages on their way to the slowest subscriber, at most. */
  readonly window: number;
  /** With QoS 1 and 2: unacknowledged ones, at most. */
  readonly inflight: number;
  /** Messages in one write, at most. */
  readonly batch: number;
  readonly subscribers: number;
}

export class OwnPublisher {
  readonly #client: LoadClient;
  readonly #how: Publishing;
  readonly #template: Template;
  readonly #free: number[];
  /** How many subscribers have had so many messages: of the numbers that not all have had. */
  readonly #had = new Map<number, number>();
  #arrived = 0;
  #stopped = false;
  #wake: (() => void) | undefined;
  /** Messages sent. */
  count = 0;

  constructor(client: LoadClient, topic: string, stream: number, how: Publishing) {
    this.#client = client;
    this.#how = how;
    this.#template = new Template(topic, stream, how.qos, how.payload, how.version);
    this.#free = Array.from({ length: how.inflight }, (_, at) => how.inflight - at);
  }

  /** Packet Identifiers in use. */
  get unacknowledged(): number {
    return this.#how.inflight - this.#free.length;
  }

  /** A subscriber has had `count` messages now. */
  delivered(count: number): void {
    const { subscribers } = this.#how;
    const having = (this.#had.get(count) ?? 0) + 1;
    if (having < subscribers) {
      this.#had.set(count, having);
      return;
    }
    this.#had.delete(count);
    this.#arrived = count;
    this.#wake?.();
  }

  stop(): void {
    this.#stopped = true;
    this.#wake?.();
  }

  /** Publishes until `stop`; `rate` messages a second, or as fast as it goes where that is 0. */
  async run(rate: number, phase: number): Promise<void> {
    void this.#client.listen({
      published() {},
      done: (packetId) => {
        this.#free.push(packetId);
        this.#wake?.();
      },
    });
    const began = performance.now() + (rate > 0 ? phase * 1000 / rate : 0);
    while (!this.#stopped && !this.#client.ended) {
      const now = performance.now();
      const due = rate > 0 ? Math.floor((now - began) * rate / 1000) + 1 - this.count : Infinity;
      const most = Math.min(due, this.#room());
      if (most > 0) {
        await this.#send(most, (at) => rate > 0 ? began + (this.count + at) * 1000 / rate : now);
      } else if (rate > 0) await new Promise((resolve) => setTimeout(resolve, 1));
      else await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
    }
  }

  #room(): number {
    const { qos, window, batch } = this.#how;
    const room = Math.min(batch, window - (this.count - this.#arrived));
    return qos === 0 ? room : Math.min(room, this.#free.length);
  }

  async #send(messages: number, dueAt: (at: number) => number): Promise<void> {
    const { size } = this.#template;
    const view = new DataView(new ArrayBuffer(messages * size));
    for (let at = 0; at < messages; at++) {
      const packetId = this.#how.qos === 0 ? 0 : this.#free.pop()!;
      this.#template.write(view, at * size, dueAt(at), this.count + at, packetId);
    }
    this.count += messages;
    await this.#client.send(new Uint8Array(view.buffer));
  }
}
