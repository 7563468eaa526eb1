/**
 * A client of the broker's services over MQTT 5.0, as small as that can be: CONNECT, a PUBLISH for each request
 * and the PUBLISH that answers it (section 4.10), DISCONNECT. One request at a time, no session, no Will.
 */

import { decode } from "../packet/decode.ts";
import { encode } from "../packet/encode.ts";
import { FrameSplitter } from "../packet/frame_splitter.ts";
import type { Disconnect, Packet, Publish } from "../packet/packet.ts";
import { Reason, reasonName } from "../packet/reason_code.ts";
import { MANAGEMENT_PREFIX } from "../service/management/management_service.ts";
import type { Place } from "./ctl_place.ts";
import { placeName } from "./ctl_place.ts";

export interface Login {
  /** Empty: the broker names the client. */
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
}

/** The reply to a command, as management_service.ts has it. */
export interface Reply {
  readonly ok: boolean;
  readonly command?: string;
  readonly dryRun?: boolean;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly reason: string; readonly detail: string };
}

/** Bytes of the largest reply that is taken. */
const LARGEST = 67_108_864;

/** A connection to a broker. Every Error that it throws means that the broker cannot be asked. */
export class CtlClient {
  readonly #conn: Deno.Conn;
  readonly #timeout: number;
  readonly #splitter = new FrameSplitter(LARGEST);
  readonly #chunk = new Uint8Array(65_536);
  /** Bytes of the largest request that the broker takes. */
  #most = Infinity;
  /** Seconds within which it wants to hear something; 0: never. */
  #keepAlive = 0;
  #asked = 0;

  private constructor(conn: Deno.Conn, timeout: number) {
    this.#conn = conn;
    this.#timeout = timeout;
  }

  /** @param timeout milliseconds until the broker has let the client in, and for each reply */
  static async open(place: Place, login: Login, timeout: number): Promise<CtlClient> {
    const name = placeName(place);
    const connecting = connect(place);
    const conn = await within(connecting, timeout, `${name} does not answer`)
      .catch((error) => {
        connecting.then((conn) => conn.close(), () => {});
        throw new Error(`cannot connect to ${name}: ${wordsOf(error)}`, { cause: error });
      });
    const client = new CtlClient(conn, timeout);
    try {
      await client.#letIn(login);
      return client;
    } catch (error) {
      client.#drop();
      throw error;
    }
  }

  /** Asks a command and waits for its reply. `input` is JSON. */
  async ask(command: string, input: string): Promise<Reply> {
    const packetId = this.#asked = this.#asked % 65_535 + 1;
    const topic = `${MANAGEMENT_PREFIX}/${command}`;
    const correlationData = Uint8Array.of(packetId >> 8, packetId & 0xff);
    const request = encode({
      type: "publish",
      topic,
      payload: new TextEncoder().encode(input),
      qos: 1, // so that it is said when it may not be asked
      retain: false,
      dup: false,
      packetId,
      properties: { responseTopic: `${topic}/response`, correlationData },
    }, 5);
    if (request.length > this.#most) {
      const detail = `${request.length} bytes; the broker takes packets of ${this.#most}`;
      return { ok: false, command, error: { reason: "requestTooLarge", detail } };
    }
    return await within(this.#exchange(request, command, packetId), this.#timeout, "no reply")
      .catch((error) => {
        this.#drop();
        throw error;
      });
  }

  /** The payloads that follow the reply of a command that goes on telling, as text, for as long as they come. */
  async *told(): AsyncGenerator<string> {
    const ping = encode({ type: "pingreq" }, 5);
    const pinging = this.#keepAlive === 0 ? undefined : setInterval(
      () => void this.#write(ping).catch(() => {}), // reading finds out
      this.#keepAlive * 500,
    );
    try {
      for (;;) {
        const packet = await this.#next();
        if (packet.type === "publish") yield new TextDecoder().decode(packet.payload);
        if (packet.type === "disconnect") throw ended(packet);
      }
    } finally {
      clearInterval(pinging);
    }
  }

  /** DISCONNECT, and the end of the link. */
  async close(): Promise<void> {
    const farewell = encode({ type: "disconnect", reasonCode: 0, properties: undefined }, 5);
    await within(this.#write(farewell), this.#timeout, "no end").catch(() => {});
    this.#drop();
  }

  async #letIn({ clientId, username, password }: Login): Promise<void> {
    const hello = encode({
      type: "connect",
      protocolVersion: 5,
      clientId,
      cleanStart: true,
      keepAlive: 0,
      username,
      password,
      will: undefined,
      properties: { maximumPacketSize: LARGEST },
    }, 5);
    const first = await within(
      this.#write(hello).then(() => this.#next()),
      this.#timeout,
      "no CONNACK",
    );
    if (first.type !== "connack") throw new Error(`expected a CONNACK, found ${first.type}`);
    const { reasonCode, properties } = first;
    if (reasonCode >= 0x80) {
      throw new Error(`the broker does not let the client in: ${told(reasonCode, properties)}`);
    }
    this.#most = properties?.maximumPacketSize ?? Infinity;
    this.#keepAlive = properties?.serverKeepAlive ?? 0;
  }

  async #exchange(request: Uint8Array, command: string, packetId: number): Promise<Reply> {
    await this.#write(request);
    for (;;) {
      const packet = await this.#next();
      if (packet.type === "publish" && answers(packet, packetId)) {
        return JSON.parse(new TextDecoder().decode(packet.payload));
      }
      if (packet.type === "puback" && packet.packetId === packetId && packet.reasonCode >= 0x80) {
        const { reasonCode, properties } = packet;
        const reason = reasonCode === Reason.notAuthorized ? "notPermitted" : "failed";
        return { ok: false, command, error: { reason, detail: told(reasonCode, properties) } };
      }
      if (packet.type === "disconnect") throw ended(packet);
    }
  }

  async #next(): Promise<Packet> {
    for (;;) {
      const frame = this.#splitter.next();
      if (frame !== undefined) return decode(frame, 5);
      this.#splitter.keep(); // the chunk is about to be overwritten
      const count = await this.#conn.read(this.#chunk);
      if (count === null) throw new Error("the broker closed the connection");
      this.#splitter.push(this.#chunk.subarray(0, count));
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  #drop(): void {
    try {
      this.#conn.close();
    } catch {
      // It is closed already.
    }
  }
}

function connect(place: Place): Promise<Deno.Conn> {
  switch (place.type) {
    case "unix":
      return Deno.connect({ transport: "unix", path: place.path });
    case "tcp":
      return Deno.connect({ hostname: place.host, port: place.port });
    case "tls":
      return Deno.connectTls({
        hostname: place.host,
        port: place.port,
        caCerts: [...place.authorities],
        ...place.certificate,
      });
  }
}

function answers({ properties }: Publish, packetId: number): boolean {
  const data = properties?.correlationData;
  return data?.length === 2 && data[0] === packetId >> 8 && data[1] === (packetId & 0xff);
}

function ended({ reasonCode, properties }: Disconnect): Error {
  return new Error(`the broker ended the connection: ${told(reasonCode, properties)}`);
}

/** The name of the Reason Code, and what the broker says besides. */
function told(code: number, properties: { readonly reasonString?: string } | undefined): string {
  const more = properties?.reasonString;
  return more === undefined ? reasonName(code) : `${reasonName(code)}, ${more}`;
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The promise's value, or an Error with these words when it takes longer. */
async function within<T>(promise: Promise<T>, milliseconds: number, words: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${words} within ${milliseconds / 1000} s`)),
      milliseconds,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
