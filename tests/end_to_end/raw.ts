/**
 * A bare MQTT client for exact checks: it sends the packets or bytes that it is told to and hands out
 * what comes, one packet at a time. It answers nothing by itself, and reads only when asked.
 */

import assert from "node:assert/strict";
import { decode } from "../../src/packet/decode.ts";
import { encode } from "../../src/packet/encode.ts";
import { FrameSplitter } from "../../src/packet/frame_splitter.ts";
import type {
  Connack,
  Connect,
  Packet,
  ProtocolVersion,
  Publish,
  SubscriptionOptions,
} from "../../src/packet/packet.ts";
import { PATIENCE, within } from "./within.ts";
import { connectOf, plainPublish } from "../packets.ts";

export { connectOf };

type PacketOf<Type extends Packet["type"]> = Packet & { readonly type: Type };

/** Where to connect to: a port on 127.0.0.1, with TLS or without, or the path of a Unix socket. */
export type Where =
  | { readonly port: number; readonly tls?: Tls }
  | { readonly path: string };

/** PEM texts: the CA of the broker's certificate, which is for localhost, and the client's own. */
export interface Tls {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
}

export class RawClient {
  readonly version: ProtocolVersion;
  readonly #conn: Deno.Conn;
  readonly #splitter = new FrameSplitter(268_435_460);
  readonly #buffer = new Uint8Array(65_536);
  /** The bytes of the last packet that was handed out. */
  lastFrame: Uint8Array = new Uint8Array(0);
  #nextId = 0;

  private constructor(conn: Deno.Conn, version: ProtocolVersion) {
    this.#conn = conn;
    this.version = version;
  }

  /** An open link, of which the broker knows nothing yet. */
  static async open(where: Where, version: ProtocolVersion): Promise<RawClient> {
    if ("path" in where) {
      return new RawClient(await Deno.connect({ transport: "unix", path: where.path }), version);
    }
    if (where.tls !== undefined) {
      const { ca, cert, key } = where.tls;
      const pair = cert === undefined || key === undefined ? {} : { cert, key };
      const { port } = where;
      const tls = { hostname: "localhost", port, caCerts: [ca], alpnProtocols: ["mqtt"], ...pair };
      return new RawClient(await Deno.connectTls(tls), version);
    }
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: where.port });
    conn.setNoDelay(true); // else the end of a large packet may wait 40 ms for an acknowledgement of TCP
    return new RawClient(conn, version);
  }

  /** A client that was let in. */
  static async connect(
    where: Where,
    version: ProtocolVersion,
    clientId: string,
    more: Partial<Connect> = {},
  ): Promise<RawClient> {
    const client = await RawClient.open(where, version);
    const connack = await client.knock(clientId, more);
    assert.equal(connack.reasonCode, 0, `CONNACK ${JSON.stringify(connack)}`);
    return client;
  }

  /** This end's address, as the broker logs it. */
  get address(): string {
    const { hostname, port } = this.#conn.localAddr as Deno.NetAddr;
    return `${hostname}:${port}`;
  }

  /** Sends CONNECT; the CONNACK. */
  async knock(clientId: string, more: Partial<Connect> = {}): Promise<Connack> {
    await this.send(connectOf(this.version, clientId, more));
    return this.expect("connack");
  }

  /** Subscribes and waits for SUBACK; its Reason Codes. */
  async subscribe(
    filter: string,
    qos: 0 | 1 | 2,
    options: Partial<SubscriptionOptions> = {},
  ): Promise<readonly number[]> {
    await this.send({
      type: "subscribe",
      packetId: ++this.#nextId,
      subscriptions: [{
        filter,
        options: {
          qos,
          noLocal: false,
          retainAsPublished: false,
          retainHandling: 0,
          subscriptionIdentifier: undefined,
          ...options,
        },
      }],
      userProperties: undefined,
    });
    return (await this.expect("suback")).reasonCodes;
  }

  /** Sends a PUBLISH and waits for nothing. */
  publish(topic: string, payload: string | Uint8Array, more: Partial<Publish> = {}): Promise<void> {
    const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
    const packetId = more.qos === undefined || more.qos === 0 ? 0 : ++this.#nextId;
    return this.send(plainPublish(topic, bytes, { packetId, ...more }));
  }

  /** Sends a packet, or bytes as they are. */
  async send(what: Packet | Uint8Array): Promise<void> {
    const bytes = what instanceof Uint8Array ? what : encode(what, this.version);
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  /** The next packet; undefined where the broker has closed the link. */
  async nextOrEnd(patience = PATIENCE): Promise<Packet | undefined> {
    for (;;) {
      const frame = this.#splitter.next();
      if (frame !== undefined) return decode(this.lastFrame = frame.slice(), this.version);
      const count = await within(
        this.#conn.read(this.#buffer).catch((error) => {
          if (error instanceof Deno.errors.ConnectionReset) return null;
          throw error;
        }),
        "a packet from the broker",
        patience,
      );
      if (count === null) return undefined;
      this.#splitter.push(this.#buffer.subarray(0, count));
    }
  }

  /** The next packet; fails where the link is closed instead. */
  async next(patience = PATIENCE): Promise<Packet> {
    const packet = await this.nextOrEnd(patience);
    assert.ok(packet !== undefined, "the broker closed the link instead of sending a packet");
    return packet;
  }

  /** The next packet, which must be of that type. */
  async expect<Type extends Packet["type"]>(type: Type): Promise<PacketOf<Type>> {
    const packet = await this.next();
    if (packet.type !== type) assert.fail(`found ${JSON.stringify(packet)} instead of ${type}`);
    return packet as PacketOf<Type>;
  }

  /** Fails unless the broker closes the link now, without another packet. */
  async ended(): Promise<void> {
    const packet = await this.nextOrEnd();
    if (packet !== undefined) assert.fail(`found ${JSON.stringify(packet)} instead of the end`);
    this.close();
  }

  /** Shows that the broker still serves this client, and has nothing else for it. */
  async ping(): Promise<void> {
    await this.send({ type: "pingreq" });
    await this.expect("pingresp");
  }

  /** DISCONNECT, then the end of the link. */
  async disconnect(reasonCode = 0): Promise<void> {
    await this.send({ type: "disconnect", reasonCode, properties: undefined });
    await this.ended();
  }

  /** Says by TCP that nothing more will be sent; the broker may go on sending. */
  closeWrite(): Promise<void> {
    return this.#conn.closeWrite();
  }

  /** Closes the link without a word. */
  close(): void {
    try {
      this.#conn.close();
    } catch {
      // It is closed.
    }
  }
}

/** A payload as text. */
export function text(payload: Uint8Array): string {
  return new TextDecoder().decode(payload);
}
