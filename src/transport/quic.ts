/**
 * MQTT over QUIC (RFC 9000): one connection and in it one bidirectional stream a client, which the client
 * opens; ALPN `mqtt`, TLS 1.3 as QUIC has no other. MQTT 5.0 section 4.2 asks for an ordered, lossless stream
 * of bytes, which a stream of QUIC is.
 *
 * It runs on `Deno.QuicEndpoint`, which Deno 2.9.6 has with `--unstable-net` only, and must not use:
 * - `QuicListener.stop()`: a connection that is on its way in then makes the process panic;
 * - anything of a `QuicIncoming` before `accept()`: whoever looks at its address cannot accept it any more;
 * - `QuicEndpoint.close()`: the port stays bound until the garbage is collected, and open links would go.
 * So a port, once bound, is kept for as long as the process lives; while no listener has it, who comes is refused.
 */

import type { Handshakes } from "./handshakes.ts";
import { QuicLink } from "./quic_link.ts";
import type { TlsListener } from "./tls.ts";
import type { TlsMaterial } from "./tls_material.ts";
import type { Link, Listener } from "./transport.ts";

/** Milliseconds without a sign of life after which a client is gone, and between signs that the broker gives. */
const IDLE_TIMEOUT = 60_000;
const SIGN_OF_LIFE = 20_000;

/** Connections that have come in and were not asked for yet: above it they are refused. */
const MOST_WAITING = 64;

/** Whether this Deno can: only with `--unstable-net`, or "net" among "unstable" in deno.json. */
export function quicAvailable(): boolean {
  return typeof (Deno as { QuicEndpoint?: unknown }).QuicEndpoint === "function";
}

/**
 * Binds a UDP port. Nobody can connect before `quicOver` says with what certificate.
 *
 * @throws where the port cannot be had, or the runtime cannot do QUIC
 */
export function bindQuic(address: string, port: number): Listener {
  if (!quicAvailable()) throw new Error("QUIC needs deno run --unstable-net");
  return new QuicSocket(placeOf(address, port));
}

/**
 * The same port, with this certificate for new connections until it is closed; what was served before holds
 * again then. Of the material the first pair is used; a client cannot be asked for a certificate.
 */
export function quicOver(
  socket: Listener,
  material: TlsMaterial,
  { handshakes }: { readonly handshakes: Handshakes },
): TlsListener {
  const { place } = socket as QuicSocket;
  let served = material;
  place.serve(served);
  return {
    address: socket.address,
    accept: () => socket.accept(),
    async open(link) {
      await handshakes.run(link, () => (link as QuicLink).handshake());
      return await (link as QuicLink).opened();
    },
    renew(material) {
      place.serve(material, served);
      served = material;
    },
    close: () => place.serveNoMore(served),
  };
}

/** Connections of a port, as long as it is not closed. */
class QuicSocket implements Listener {
  readonly address: string;
  readonly place: Place;
  readonly #queue: QuicLink[] = [];
  #waiting: ((link: Link | undefined) => void) | undefined;
  #open = true;

  constructor(place: Place) {
    if (place.taker !== undefined) throw new Deno.errors.AddrInUse(`${place.name} is listened on`);
    this.address = place.name;
    this.place = place;
    place.taker = (incoming) => this.#take(incoming);
  }

  accept(): Promise<Link | undefined> {
    if (!this.#open) return Promise.resolve(undefined);
    const first = this.#queue.shift();
    if (first !== undefined) return Promise.resolve(first);
    return new Promise((resolve) => this.#waiting = resolve);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.place.taker = undefined;
    for (const link of this.#queue) link.close();
    this.#waiting?.(undefined);
  }

  #take(incoming: Deno.QuicIncoming): void {
    if (this.#queue.length >= MOST_WAITING) return incoming.refuse();
    const link = linkOf(incoming);
    if (link === undefined) return;
    if (this.#waiting === undefined) this.#queue.push(link);
    else this.#waiting(link);
    this.#waiting = undefined;
  }
}

/** Its handshake goes on by itself; undefined where it came to nothing at once. */
function linkOf(incoming: Deno.QuicIncoming): QuicLink | undefined {
  try {
    // It is no promise then, so that the address is known, and bans hold, before the handshake is done with.
    return new QuicLink(incoming.accept({ zeroRtt: true }));
  } catch {
    return undefined; // a first packet that was no good
  }
}

/** A bound port. */
class Place {
  readonly name: string;
  readonly #endpoint: Deno.QuicEndpoint;
  /** The last one is served. */
  #materials: readonly TlsMaterial[] = [];
  #listener: Deno.QuicListener | undefined;
  /** Who takes what comes in; undefined: nobody. */
  taker: ((incoming: Deno.QuicIncoming) => void) | undefined;

  constructor(hostname: string, port: number) {
    this.#endpoint = new Deno.QuicEndpoint({ hostname, port });
    const { addr } = this.#endpoint;
    this.name = `${
      addr.hostname.includes(":") ? `[${addr.hostname}]` : addr.hostname
    }:${addr.port}`;
  }

  /** With this from now on, in place of that. */
  serve(material: TlsMaterial, instead?: TlsMaterial): void {
    this.#show(material);
    this.#materials = [...this.#materials.filter((each) => each !== instead), material];
  }

  serveNoMore(material: TlsMaterial): void {
    this.#materials = this.#materials.filter((each) => each !== material);
    const before = this.#materials.at(-1);
    if (before !== undefined) this.#show(before);
  }

  #show({ pairs }: TlsMaterial): void {
    const { certificate, key } = pairs[0]!;
    const listener = this.#endpoint.listen({
      cert: certificate,
      key,
      alpnProtocols: ["mqtt"],
      maxIdleTimeout: IDLE_TIMEOUT,
      keepAliveInterval: SIGN_OF_LIFE,
      maxConcurrentBidirectionalStreams: 1,
      maxConcurrentUnidirectionalStreams: 0,
    });
    if (this.#listener !== undefined) return;
    this.#listener = listener; // the first one gives everybody, those of later ones too
    this.#run(listener);
  }

  async #run(listener: Deno.QuicListener): Promise<void> {
    for await (const incoming of listener) {
      if (this.taker === undefined) incoming.refuse();
      else this.taker(incoming);
    }
  }
}

/** By the address and port that were asked for. */
const places = new Map<string, Place>();

function placeOf(address: string, port: number): Place {
  const key = `${address} ${port}`;
  const known = places.get(key);
  if (known !== undefined) return known;
  const place = new Place(address, port);
  if (port !== 0) places.set(key, place);
  return place;
}
