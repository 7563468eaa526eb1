/**
 * A client for benchmarks of stored sessions: MQTT 3.1.1 as bytes, made to cost little beside the
 * broker. It checks what it is given only as far as a figure needs it. Sections 3.1 to 3.8.
 */

import { joined } from "../../src/packet/joined.ts";
import { FrameSplitter } from "../../src/packet/frame_splitter.ts";

/** A PUBLISH with QoS 1 to send: written before the clock runs. */
export interface Prepared {
  readonly bytes: Uint8Array;
  readonly packetIdAt: number;
}

const UTF8 = new TextEncoder();

export class BareClient {
  readonly #conn: Deno.TcpConn;
  readonly #splitter = new FrameSplitter(1 << 24);
  readonly #buffer = new Uint8Array(65_536);

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    conn.setNoDelay(true);
  }

  /** Connects, with Clean Session 0; tries as long as nobody listens. */
  static async connect(port: number, clientId: string): Promise<BareClient> {
    const client = new BareClient(await reach(port));
    await client.#write(connectFrame(clientId));
    const frame = await client.#one();
    if (frame[0] !== 0x20 || frame[3] !== 0) throw new Error(`CONNACK of ${clientId}: ${frame}`);
    return client;
  }

  /** Subscribes with QoS 1 and waits for the SUBACK. */
  async subscribe(filter: string): Promise<void> {
    const name = UTF8.encode(filter);
    await this.#write(
      packet(0x82, new Uint8Array([0, 1, name.length >> 8, name.length & 255, ...name, 1])),
    );
    const frame = await this.#one();
    if (frame[0] !== 0x90 || frame[4] !== 1) throw new Error(`SUBACK of ${filter}: ${frame}`);
  }

  /**
   * Publishes all that `next` hands out, at most `window` of it unacknowledged.
   *
   * @param next undefined when there is no more
   * @param acknowledged is called for each PUBACK
   */
  async publishAll(
    next: () => Prepared | undefined,
    window: number,
    acknowledged: () => void = () => {},
  ): Promise<void> {
    let open = 0;
    let packetId = 0;
    let ended = false;
    const fill = () => {
      const batch: Uint8Array[] = [];
      while (open < window && !ended) {
        const prepared = next();
        ended = prepared === undefined;
        if (prepared === undefined) break;
        packetId = packetId % 65_535 + 1;
        prepared.bytes[prepared.packetIdAt] = packetId >> 8;
        prepared.bytes[prepared.packetIdAt + 1] = packetId & 255;
        batch.push(prepared.bytes.slice());
        open += 1;
      }
      return batch.length === 0 ? undefined : this.#write(joined(batch));
    };
    await fill();
    while (open > 0) {
      await this.#chunk((frame) => {
        if (frame[0] !== 0x40) throw new Error(`expected PUBACK, found ${frame}`);
        open -= 1;
        acknowledged();
      });
      await fill();
    }
  }

  /** Takes PUBLISHes with QoS 1 and acknowledges them, until `take` says that it was the last. */
  async drain(take: (payload: Uint8Array, dup: boolean) => boolean): Promise<void> {
    for (let done = false; !done;) {
      const acknowledgements: Uint8Array[] = [];
      await this.#chunk((frame) => {
        if ((frame[0]! & 0xf6) !== 0x32) throw new Error(`expected PUBLISH, found ${frame}`);
        let at = 1;
        while (frame[at]! > 127) at += 1;
        at += 3 + ((frame[at + 1]! << 8) | frame[at + 2]!);
        acknowledgements.push(new Uint8Array([0x40, 2, frame[at]!, frame[at + 1]!]));
        done = take(frame.subarray(at + 2), (frame[0]! & 8) !== 0) || done;
      });
      await this.#write(joined(acknowledgements));
    }
  }

  /** Ends as a client should: the broker has taken all before it. */
  async disconnect(): Promise<void> {
    await this.#write(new Uint8Array([0xe0, 0]));
    await this.#conn.closeWrite();
    while (await this.#conn.read(this.#buffer) !== null);
    this.#conn.close();
  }

  /** The next frame; what came with it is left for later. */
  async #one(): Promise<Uint8Array> {
    for (;;) {
      const frame = this.#splitter.next();
      if (frame !== undefined) {
        const copy = frame.slice();
        this.#splitter.keep();
        return copy;
      }
      await this.#read();
    }
  }

  /** Hands out all frames that are there, after a read where none is. */
  async #chunk(take: (frame: Uint8Array) => void): Promise<void> {
    let frame = this.#splitter.next();
    if (frame === undefined) {
      await this.#read();
      frame = this.#splitter.next();
    }
    for (; frame !== undefined; frame = this.#splitter.next()) take(frame);
    this.#splitter.keep();
  }

  async #read(): Promise<void> {
    const read = await this.#conn.read(this.#buffer);
    if (read === null) throw new Error("the broker closed the connection");
    this.#splitter.push(this.#buffer.subarray(0, read));
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }
}

/** A PUBLISH with QoS 1. */
export function prepare(topic: string, payload: Uint8Array): Prepared {
  const name = UTF8.encode(topic);
  const body = new Uint8Array(2 + name.length + 2 + payload.length);
  body[0] = name.length >> 8;
  body[1] = name.length & 255;
  body.set(name, 2);
  body.set(payload, name.length + 4);
  const bytes = packet(0x32, body);
  return { bytes, packetIdAt: bytes.length - payload.length - 2 };
}

async function reach(port: number): Promise<Deno.TcpConn> {
  const until = performance.now() + 20_000;
  for (;;) {
    try {
      return await Deno.connect({ hostname: "127.0.0.1", port });
    } catch (error) {
      if (performance.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}

function connectFrame(clientId: string): Uint8Array {
  const id = UTF8.encode(clientId);
  const head = [0, 4, ...UTF8.encode("MQTT"), 4, 0, 0, 0, id.length >> 8, id.length & 255];
  return packet(0x10, new Uint8Array([...head, ...id]));
}

function packet(first: number, body: Uint8Array): Uint8Array {
  const length: number[] = [];
  for (let rest = body.length;; rest = rest >> 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  const bytes = new Uint8Array(1 + length.length + body.length);
  bytes[0] = first;
  bytes.set(length, 1);
  bytes.set(body, 1 + length.length);
  return bytes;
}
