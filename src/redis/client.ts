/**
 * One connection of npm:redis, with everything that would happen by itself turned off: it does not connect
 * again, keeps no queue while it is away and gives up no command. `link.ts` does what is needed of that.
 *
 * Answers are RESP 2: arrays, numbers, bytes.
 */

import { isIP } from "node:net";
import { createClient, RESP_TYPES } from "redis";
import type { RedisAddress, RedisOptions } from "./redis_options.ts";
import { guarded } from "./tls_guard.ts";
import { wordsOf } from "./trouble.ts";
import { within } from "./within.ts";

/** What a command is made of. */
export type Argument = string | Buffer;

/** What Redis answers; who asked knows the shape. */
export type Reply = null | number | string | Buffer | readonly Reply[];

/** Who one says that one is. */
export interface Credentials {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
}

export interface Client {
  /** Rejects with the server's error, or when the connection ends. */
  send(args: readonly Argument[]): Promise<Reply>;
  /** Hears what is published on these channels of the one slot. */
  hear(
    channels: readonly string[],
    heard: (message: Buffer, channel: Buffer) => void,
  ): Promise<void>;
  /** Ends the connection now; what waits for an answer is rejected. */
  end(): void;
}

/**
 * Connects.
 *
 * @param gone told once when the connection ends by itself
 */
export async function connect(
  address: RedisAddress,
  { tls, connectTimeoutMs }: Pick<RedisOptions, "tls" | "connectTimeoutMs">,
  { username, password, database }: Credentials,
  gone: (why: string) => void,
): Promise<Client> {
  const { host, port } = address;
  const client = createClient({
    socket: {
      host,
      port,
      connectTimeout: connectTimeoutMs,
      reconnectStrategy: false,
      ...(tls === undefined ? {} : {
        tls: true as const,
        ...(tls.ca === undefined ? {} : { ca: tls.ca }),
        ...(tls.cert === undefined ? {} : { cert: tls.cert }),
        ...(tls.key === undefined ? {} : { key: tls.key }),
        ...serverName(tls.serverName, host),
      }),
    },
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(database === 0 ? {} : { database }),
    RESP: 2,
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: "disabled",
    commandOptions: { timeout: 0, typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
  });
  let ended = false;
  const end = (why: string) => {
    if (ended) return;
    ended = true;
    client.destroy();
    gone(why);
  };
  let failed: unknown;
  let open = false;
  client.on("error", (error) => {
    failed ??= error;
    if (open) end(wordsOf(error));
  });
  client.on("end", () => {
    if (open) end("the connection has ended");
  });
  try {
    const { promise: broken, reject: breaks } = Promise.withResolvers<never>();
    broken.catch(() => {});
    const connecting = tls === undefined
      ? client.connect()
      : guarded(() => client.connect(), breaks);
    // Its own limit ends with the TCP or TLS handshake; a server that is stopped answers that, and no more.
    await within(connectTimeoutMs, Promise.race([connecting, broken]), "connection");
  } catch (error) {
    ended = true;
    client.destroy();
    throw failed instanceof Error && wordsOf(error) === "" ? failed : error;
  }
  open = true;
  return {
    send: (args) => client.sendCommand(args as Argument[]) as Promise<Reply>,
    hear: (channels, heard) => client.sSubscribe([...channels], heard, true),
    end() {
      ended = true;
      client.destroy();
    },
  };
}

/** The words for an address, in logs and errors. */
export function addressName({ host, port }: RedisAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** An answer that is a text. */
export function textOf(reply: Reply | undefined): string {
  if (typeof reply === "string") return reply;
  if (reply instanceof Uint8Array) return reply.toString("utf8");
  if (typeof reply === "number") return String(reply);
  throw new Error(`Redis answered ${String(reply)}, expected a text`);
}

/** An answer that is an array. */
export function listOf(reply: Reply | undefined): readonly Reply[] {
  if (Array.isArray(reply)) return reply;
  throw new Error(`Redis answered ${String(reply)}, expected a list`);
}

/** An answer that is bytes, as a plain view: `slice` of a Buffer would copy nothing. */
export function bytesOf(reply: Reply | undefined): Uint8Array {
  if (reply instanceof Uint8Array) {
    return new Uint8Array(reply.buffer, reply.byteOffset, reply.byteLength);
  }
  throw new Error(`Redis answered ${String(reply)}, expected bytes`);
}

/** SNI knows no addresses: without a name it is the address that the certificate must be for. */
function serverName(wanted: string | undefined, host: string): { readonly servername?: string } {
  if (wanted !== undefined) return { servername: wanted };
  return isIP(host) === 0 ? { servername: host } : {};
}
