/**
 * A `Deno.Conn` as a link, and a `Deno.Listener` as a listener: what TCP, TLS and Unix sockets share.
 */

import type { Link, Listener } from "./transport.ts";

/** A connection as a link: a class, as there are tens of thousands and closures cost more. */
export class DenoLink implements Link {
  readonly address: string;
  readonly #conn: Deno.Conn;
  #open = true;

  constructor(conn: Deno.Conn, address: string) {
    this.#conn = conn;
    this.address = address;
  }

  read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    return this.#conn.read(into);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#conn.write(bytes);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    try {
      this.#conn.close();
    } catch {
      // The system has closed it already, which is all that was wanted.
    }
  }
}

/** A listener whose connections become links by `link`. */
export function listenerOf<Conn extends Deno.Conn, Address extends Deno.Addr>(
  listener: { accept(): Promise<Conn>; close(): void; readonly addr: Address },
  address: string,
  link: (conn: Conn) => Link,
  onClose: () => void = () => {},
): Listener {
  let open = true;
  let accepted = 0;
  // Not async: that would cost each connection 0.3 KB more.
  const accept = (): Promise<Link | undefined> => listener.accept().then(linked, failed);
  const linked = (conn: Conn) => {
    try {
      return link(conn);
    } catch (error) {
      conn.close(); // or it would hold its file descriptor for good
      return failed(error);
    }
  };
  const failed = (error: unknown): Promise<Link | undefined> | undefined => {
    if (!open) return undefined;
    // One that was reset before it was accepted is nobody any more: that is no lack of room.
    if (!isGone(error)) throw error;
    return nextTurn().then(accept);
  };
  return {
    address,
    accept() {
      accepted += 1;
      // Those that wait already come without a pause: others are to be heard in between.
      return accepted % ACCEPTED_AT_ONCE === 0 ? nextTurn().then(accept) : accept();
    },
    close() {
      if (!open) return;
      open = false;
      listener.close();
      onClose();
    },
  };
}

/** Links that are accepted before what else has happened meanwhile gets its turn. */
const ACCEPTED_AT_ONCE = 32;

/** Not by a timer, which takes a millisecond and more: a storm of connections was a third as fast. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The other side has left before its connection was looked at. */
function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.ConnectionAborted;
}
