/**
 * What a transport is to the server: listeners that give links, links that give and take bytes.
 * No MQTT here.
 */

/** One open way to a client. */
export interface Link {
  /** `127.0.0.1:50123`, or the path of a Unix socket. */
  readonly address: string;
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
  close(): void;
}
