/**
 * The publisher and the subscriber of the power-cut rig: they keep their own half of the session in
 * memory across every crash of the broker, as the standard asks of a client, and write down what they
 * saw. MQTT 3.1.1 sections 4.1, 4.3 and 4.4.
 */

import type { Publish } from "../../src/packet/packet.ts";
import { RawClient, text } from "../end_to_end/raw.ts";

/** Publications that a publisher has under way at most. */
const WINDOW = 20;
/** A retained message in so many publications. */
const RETAINED_EVERY = 7;

const PERSISTENT = { cleanStart: false } as const;

interface Sent {
  readonly publish: Publish;
  readonly number: number;
  /** PUBREC has come: PUBREL is what is sent again. */
  released: boolean;
}

/** Publishes 1, 2, 3 … to its topic, with one QoS, over any number of connections. */
export class Publisher {
  readonly topic: string;
  readonly retainedTopic: string;
  /** Numbers that the broker has taken over: PUBACK or PUBREC has come. */
  readonly acknowledged = new Set<number>();
  /** The last retained number that was acknowledged, 0 for none. */
  retained = 0;
  /** Publishes nothing new any more. */
  finishing = false;
  readonly #sent = new Map<number, Sent>();
  #number = 0;
  #nextId = 0;

  constructor(readonly clientId: string, readonly qos: 1 | 2) {
    this.topic = `cut/${clientId}`;
    this.retainedTopic = `kept/${clientId}`;
  }

  /** Nothing is unacknowledged. */
  get done(): boolean {
    return this.#sent.size === 0;
  }

  /** One connection, until it breaks or nothing is left to do. */
  async run(port: number): Promise<void> {
    const client = await RawClient.connect({ port }, 4, this.clientId, PERSISTENT);
    try {
      for (const [packetId, { publish, released }] of this.#sent) {
        await client.send(
          released
            ? { type: "pubrel", packetId, reasonCode: 0, properties: undefined }
            : { ...publish, dup: true },
        );
      }
      while (!(this.finishing && this.done)) {
        while (!this.finishing && this.#sent.size < WINDOW) await this.#publish(client);
        await this.#take(client);
      }
      await client.disconnect();
    } finally {
      client.close();
    }
  }

  #publish(client: RawClient): Promise<void> {
    do this.#nextId = this.#nextId % 65_535 + 1; while (this.#sent.has(this.#nextId));
    const number = ++this.#number;
    const retain = number % RETAINED_EVERY === 0;
    const publish: Publish = {
      type: "publish",
      topic: retain ? this.retainedTopic : this.topic,
      payload: new TextEncoder().encode(String(number)),
      qos: this.qos,
      retain,
      dup: false,
      packetId: this.#nextId,
      properties: undefined,
    };
    this.#sent.set(publish.packetId, { publish, number, released: false });
    return client.send(publish);
  }

  async #take(client: RawClient): Promise<void> {
    const packet = await client.next();
    if (packet.type === "pubcomp") {
      this.#sent.delete(packet.packetId);
      return;
    }
    if (packet.type !== "puback" && packet.type !== "pubrec") {
      throw new Error(`${this.clientId} was sent ${packet.type}`);
    }
    const sent = this.#sent.get(packet.packetId);
    if (sent === undefined) return;
    this.acknowledged.add(sent.number);
    if (sent.publish.retain && sent.number > this.retained) this.retained = sent.number;
    if (packet.type === "puback") {
      this.#sent.delete(packet.packetId);
      return;
    }
    sent.released = true;
    await client.send({
      type: "pubrel",
      packetId: packet.packetId,
      reasonCode: 0,
      properties: undefined,
    });
  }
}

/** Keeps one persistent session and writes down what comes. */
export class Subscriber {
  /** By topic, the numbers in the order of arrival. */
  readonly got = new Map<string, number[]>();
  /** QoS 2 messages that wait for their PUBREL. */
  readonly #received = new Set<number>();
  #known = false;

  constructor(readonly clientId: string, readonly filter: string) {}

  /** One connection, until it breaks or `until` says that all has come. */
  async run(port: number, until: () => boolean): Promise<void> {
    const client = await RawClient.connect({ port }, 4, this.clientId, PERSISTENT);
    try {
      if (!this.#known) { // a SUBACK that did not come leaves it open whether there is a session
        await client.subscribe(this.filter, 2);
        this.#known = true;
      }
      while (!until()) {
        const packet = await client.next();
        const { packetId } = packet as { packetId: number };
        if (packet.type === "publish") {
          if (packet.qos === 2 && this.#received.has(packetId)) {
            await client.send({
              type: "pubrec",
              packetId,
              reasonCode: 0,
              properties: undefined,
            });
            continue;
          }
          this.#note(packet);
          if (packet.qos === 2) this.#received.add(packetId);
          await client.send({
            type: packet.qos === 2 ? "pubrec" : "puback",
            packetId,
            reasonCode: 0,
            properties: undefined,
          });
        } else if (packet.type === "pubrel") {
          this.#received.delete(packetId);
          await client.send({ type: "pubcomp", packetId, reasonCode: 0, properties: undefined });
        } else {
          throw new Error(`${this.clientId} was sent ${packet.type}`);
        }
      }
    } finally {
      client.close();
    }
  }

  #note(packet: Publish): void {
    const numbers = this.got.get(packet.topic) ?? [];
    numbers.push(Number(text(packet.payload)));
    this.got.set(packet.topic, numbers);
  }
}
