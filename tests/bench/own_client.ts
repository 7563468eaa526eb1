/**
 * A client of the load generator `own_load.ts`: it hands out each PUBLISH as bytes, answers it, and counts on
 * nothing but the sockets. MQTT 3.1.1 and 5.0, sections 3.1 to 3.9. No client for anything but load.
 */

import { encode } from "../../src/packet/encode.ts";
import { FrameSplitter } from "../../src/packet/frame_splitter.ts";
import { decode } from "../../src/packet/decode.ts";
import type { Packet, QoS } from "../../src/packet/packet.ts";
import { connectOf } from "../packets.ts";

export type Version = 4 | 5;

/** What a client does with what it gets. */
export interface Ears {
  /** A PUBLISH: its payload begins at `payloadAt` of `frame`, which is valid during the call. */
  published(frame: Uint8Array, payloadAt: number): void;
  /** A PUBACK or PUBCOMP: the Packet Identifier is free again. */
  done(packetId: number): void;
}

export class LoadClient {
  readonly #conn: Deno.Conn;
  readonly #version: Version;
  readonly #splitter = new FrameSplitter(1 << 28);
  readonly #buffer = new Uint8Array(1 << 18);
  /** Acknowledgements of the frames of one read, which leave in one write. */
  readonly #answers: number[] = [];
  #lastWrite: Promise<void> = Promise.resolve();
  /** The broker has closed the link. */
  ended = false;

  private constructor(conn: Deno.Conn, version: Version) {
    this.#conn = conn;
    this.#version = version;
  }

  /** Connects with Clean Start; fails unless the CONNACK lets it in. */
  static async connect(port: number, version: Version, clientId: string): Promise<LoadClient> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    conn.setNoDelay(true);
    return await LoadClient.over(conn, version, clientId);
  }

  /** The same over a link that is there. */
  static async over(conn: Deno.Conn, version: Version, clientId: string): Promise<LoadClient> {
    const client = new LoadClient(conn, version);
    const connack = await client.#ask(connectOf(version, clientId));
    if (connack.type !== "connack" || connack.reasonCode !== 0) {
      throw new Error(`${clientId}: expected CONNACK 0, found ${JSON.stringify(connack)}`);
    }
    return client;
  }

  /** Subscribes and waits for the SUBACK, which must grant the QoS. */
  async subscribe(filter: string, qos: QoS): Promise<void> {
    const options = {
      qos,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0,
      subscriptionIdentifier: undefined,
    } as const;
    const suback = await this.#ask({
      type: "subscribe",
      packetId: 1,
      subscriptions: [{ filter, options }],
      userProperties: undefined,
    });
    if (suback.type !== "suback" || suback.reasonCodes[0] !== qos) {
      throw new Error(`${filter}: expected SUBACK ${qos}, found ${JSON.stringify(suback)}`);
    }
  }

  /** Writes behind all that was written before; the bytes must not change until then. */
  send(bytes: Uint8Array): Promise<void> {
    return this.#lastWrite = this.#lastWrite.then(async () => {
      for (let at = 0; at < bytes.length && !this.ended;) {
        at += await this.#conn.write(bytes.subarray(at)).catch(() => {
          this.ended = true;
          return 0;
        });
      }
    });
  }

  /** Reads until the link ends. */
  async listen(ears: Ears): Promise<void> {
    for (;;) {
      for (let frame = this.#splitter.next(); frame; frame = this.#splitter.next()) {
        this.#hear(frame, ears);
      }
      if (this.#answers.length > 0) {
        void this.send(Uint8Array.from(this.#answers));
        this.#answers.length = 0;
      }
      const count = await this.#conn.read(this.#buffer).catch(() => null);
      if (count === null) break;
      this.#splitter.push(this.#buffer.subarray(0, count));
    }
    this.ended = true;
  }

  close(): void {
    try {
      this.#conn.close();
    } catch {
      // It is closed.
    }
  }

  /** DISCONNECT, and the end of the link. */
  async disconnect(): Promise<void> {
    await this.send(new Uint8Array([0xe0, 0]));
    this.close();
  }

  #hear(frame: Uint8Array, ears: Ears): void {
    const type = frame[0]! >> 4;
    let at = 1;
    while (frame[at++]! > 127);
    if (type === 3) {
      const qos = (frame[0]! >> 1) & 3;
      at += 2 + (frame[at]! << 8 | frame[at + 1]!);
      const idAt = at;
      if (qos > 0) at += 2;
      if (this.#version === 5) at += 1 + frame[at]!; // Of its own messages: no more than one byte of length.
      ears.published(frame, at);
      if (qos > 0) this.#answers.push(qos === 1 ? 0x40 : 0x50, 2, frame[idAt]!, frame[idAt + 1]!);
    } else if (type === 5) this.#answers.push(0x62, 2, frame[at]!, frame[at + 1]!);
    else if (type === 6) this.#answers.push(0x70, 2, frame[at]!, frame[at + 1]!);
    else if (type === 4 || type === 7) ears.done(frame[at]! << 8 | frame[at + 1]!);
  }

  async #ask(packet: Packet): Promise<Packet> {
    await this.send(encode(packet, this.#version));
    for (;;) {
      const frame = this.#splitter.next();
      if (frame !== undefined) return decode(frame.slice(), this.#version);
      const count = await this.#conn.read(this.#buffer);
      if (count === null) throw new Error("the broker closed the link");
      this.#splitter.push(this.#buffer.slice(0, count));
    }
  }
}
