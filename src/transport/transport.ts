/**
 * What a transport is to the server: listeners that give links, links that give and take bytes.
 * No MQTT here.
 */

import type { ClientCertificate } from "../policy/identity.ts";

/** One open way to a client. */
export interface Link {
  /** `127.0.0.1:50123`, or the path of a Unix socket. */
  readonly address: string;
  /** The client's certificate, which has been verified; absent where it showed none. */
  readonly certificate?: ClientCertificate | undefined;
  /** Bytes read into the front of `into`, null at the end of the stream. Rejects when it breaks. */
  read(into: Uint8Array<ArrayBuffer>): Promise<number | null>;
  /** How many of the bytes were written, at least one. Rejects when the link breaks. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends it, reads and writes under way included. May be called more than once. */
  close(): void;
}

/** A place where clients connect. */
export interface Listener {
  /** Where it listens, with the real port where 0 was asked for. */
  readonly address: string;
  /** The next link; undefined once it is closed. Rejects when the system has no room for another. */
  accept(): Promise<Link | undefined>;
  /**
   * What an accepted link goes through before its first byte of MQTT, where there is anything: the
   * header of a proxy, an upgrade. Gives the link to go on with, whose address may be another. Rejects
   * with a `Refused` for what the other side did wrong. Whoever calls it bounds its time, by closing
   * the link, and closes the link when it rejects.
   */
  readonly open?: (link: Link) => Promise<Link>;
  close(): void;
}

/** Why a link is not taken: what the other side sent instead of what was due. For the log. */
export class Refused {
  constructor(readonly reason: string) {}

  toString(): string {
    return this.reason;
  }
}

/** A listener with one more step before the first byte of MQTT, behind those that it has. */
export function withStep(listener: Listener, step: (link: Link) => Promise<Link>): Listener {
  const before = listener.open?.bind(listener);
  return {
    address: listener.address,
    accept: () => listener.accept(),
    open: before === undefined ? step : async (link) => await step(await before(link)),
    close: () => listener.close(),
  };
}
