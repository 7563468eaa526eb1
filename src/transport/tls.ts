/**
 * TLS on the links of any listener: versions 1.2 and 1.3, ALPN (RFC 7301), certificates by server name (SNI,
 * RFC 6066), client certificates. MQTT 5.0 section 5.4.
 *
 * It is node:tls on links, and not `Deno.listenTls`, which has a sixth to a third more messages a second but neither
 * asks for client certificates nor lets go of a link whose handshake does not end: closed, it stays open
 * as long as the other side likes, with its file descriptor. Seen with Deno 2.9.6.
 *
 * A client certificate counts only where node:tls says `authorized`: it lets the handshake of others come to
 * its end, and does not even check that they have the key of an old (version 1) certificate.
 */

import { Duplex } from "node:stream";
import * as tls from "node:tls";
import type { ClientCertificate } from "../policy/identity.ts";
import { giveBuffer, takeBuffer } from "./buffer_pool.ts";
import type { Handshakes } from "./handshakes.ts";
import { handshakeFault } from "./handshakes.ts";
import { SocketLink } from "./socket_link.ts";
import type { ClientTrust, TlsMaterial, TlsPair } from "./tls_material.ts";
import type { Link, Listener } from "./transport.ts";
import { Refused, withStep } from "./transport.ts";
import { clientCertificate, factsOf, nameText } from "./x509.ts";

/** Bytes read at once: a TLS record and its header. */
const READ_SIZE = 1 << 15;
/** Certificates of a chain that are looked at. */
const LONGEST_CHAIN = 10;

/** A listener whose certificates can be exchanged. */
export interface TlsListener extends Listener {
  /** Serves new links with this from now on. */
  renew(material: TlsMaterial): void;
}

export interface TlsOptions {
  /** Protocols of ALPN, of which a client that names any must name one. */
  readonly alpn: readonly string[];
  readonly handshakes: Handshakes;
}

/** A listener whose links speak TLS. */
export function tlsOver(
  listener: Listener,
  material: TlsMaterial,
  options: TlsOptions,
): TlsListener {
  const step = new TlsStep(material, options.alpn);
  const over = withStep(
    listener,
    (link) => options.handshakes.run(link, () => step.handshake(link)),
  );
  return {
    address: over.address,
    accept: () => over.accept(),
    open: over.open!,
    close: () => over.close(),
    renew: (material) => step.renew(material),
  };
}

/** Makes handshakes with what it was given last. */
class TlsStep {
  readonly #alpn: readonly string[];
  #material: TlsMaterial;
  /** Of each pair: to make one takes a millisecond. */
  #contexts: readonly tls.SecureContext[];

  constructor(material: TlsMaterial, alpn: readonly string[]) {
    this.#alpn = alpn;
    this.#material = material;
    this.#contexts = contextsOf(material);
  }

  renew(material: TlsMaterial): void {
    this.#contexts = contextsOf(material);
    this.#material = material;
  }

  /** Rejects with a `Refused` where it fails, with another error where the client went away. */
  async handshake(link: Link): Promise<Link> {
    const { clients } = this.#material;
    const socket = await secured(this.#newServer(), link);
    try {
      return new SocketLink(socket, link, judged(socket, clients));
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  /** One for each handshake, so that what it tells is told of that one. It costs little. */
  #newServer(): tls.Server {
    const contexts = this.#contexts, { pairs, clients } = this.#material;
    return tls.createServer({
      ALPNProtocols: [...this.#alpn],
      requestCert: clients !== undefined,
      rejectUnauthorized: false, // `judged` does, and says why
      handshakeTimeout: LONGEST_HANDSHAKE,
      // Asked with an empty name where the client names none.
      SNICallback: (name, answer) => answer(null, contexts[pairFor(pairs, name)]!),
    });
  }
}

function contextsOf({ pairs, clients }: TlsMaterial): tls.SecureContext[] {
  const trust = clients === undefined ? {} : { ca: clients.ca };
  return pairs.map(({ certificate: cert, key }) =>
    tls.createSecureContext({ cert, key, ...trust, minVersion: "TLSv1.2" })
  );
}

/** Milliseconds: whoever called for the handshake has closed the link before. */
const LONGEST_HANDSHAKE = 700_000;

/** Which certificate is for a server name; the first where none is. RFC 6125 section 6.4.3. */
export function pairFor(pairs: readonly Pick<TlsPair, "names">[], serverName: string): number {
  const name = serverName.toLowerCase();
  const anyFirst = `*${name.slice(Math.max(0, name.indexOf(".")))}`;
  const exact = pairs.findIndex(({ names }) => names.includes(name));
  return Math.max(0, exact >= 0 ? exact : pairs.findIndex(({ names }) => names.includes(anyFirst)));
}

/** The socket of a link behind its handshake. */
function secured(server: tls.Server, link: Link): Promise<tls.TLSSocket> {
  const stream = streamOf(link);
  return new Promise<tls.TLSSocket>((resolve, reject) => {
    // node:tls says nothing where the client ends its side; where it has something to say, that comes first.
    const gone = () =>
      setTimeout(() => {
        reject(new Error("the client closed the connection within the handshake"));
        stream.destroy();
      });
    stream.once("end", gone).once("close", gone);
    server.once("secureConnection", (socket) => {
      stream.off("end", gone).off("close", gone);
      socket.on("error", () => {}); // whoever reads or writes is told
      resolve(socket);
    });
    server.once("tlsClientError", (error, socket) => {
      const fault = handshakeFault(error);
      socket.on("error", () => {});
      socket.destroy();
      reject(fault === undefined ? error : new Refused(`TLS: ${fault}`));
    });
    server.emit("connection", stream);
  });
}

/** The certificate of a client, which may have come in with it; undefined where it needs none. */
function judged(
  socket: tls.TLSSocket,
  trust: ClientTrust | undefined,
): ClientCertificate | undefined {
  if (trust === undefined) return undefined;
  const chain = chainOf(socket);
  if (chain.length === 0) {
    if (trust.required) throw new Refused("TLS: the client shows no certificate");
    return undefined;
  }
  if (socket.authorized !== true) {
    throw new Refused(`TLS: client certificate: ${whyNot(socket, chain[0]!)}`);
  }
  for (const certificate of chain) {
    if (trust.revocations?.isRevoked(certificate) !== true) continue;
    const { serial, subject } = clientCertificate(certificate);
    throw new Refused(`TLS: client certificate: ${subject}, serial ${serial}, is revoked`);
  }
  try {
    return clientCertificate(chain[0]!);
  } catch (error) {
    throw new Refused(`TLS: client certificate: ${(error as Error).message}`);
  }
}

/** node:tls has one code for most of what may be wrong. */
function whyNot(socket: tls.TLSSocket, certificate: Uint8Array): string {
  const code = String(socket.authorizationError);
  const others = code === "UNABLE_TO_VERIFY_LEAF_SIGNATURE"
    ? "not issued by a CA in ca, out of date, or not for client authentication"
    : code;
  try {
    const { notBefore, notAfter, subject } = factsOf(certificate);
    const now = Date.now();
    const name = nameText(subject);
    if (now > notAfter) return `${name} expired at ${new Date(notAfter).toISOString()}`;
    if (now < notBefore) return `${name} is not valid before ${new Date(notBefore).toISOString()}`;
    return `${name} is ${others}`;
  } catch {
    return "it cannot be read";
  }
}

/** The DER of the client's certificate and those that it was verified by, as far as they are known. */
function chainOf(socket: tls.TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = [];
  let here = socket.getPeerCertificate(true) as tls.DetailedPeerCertificate | undefined;
  while (here?.raw !== undefined && chain.length < LONGEST_CHAIN) {
    chain.push(here.raw);
    if (here.issuerCertificate === here) break;
    here = here.issuerCertificate;
  }
  return chain;
}

/** A link as a stream of node's: it reads when it is asked to. */
function streamOf(link: Link): Duplex {
  return new Duplex({
    read() {
      const buffer = takeBuffer(READ_SIZE);
      link.read(buffer).then((count) => {
        this.push(count === null ? null : buffer.slice(0, count));
        giveBuffer(buffer);
      }, (error) => this.destroy(error));
    },
    write(chunk: Uint8Array, _encoding, done) {
      writeAll(link, chunk).then(() => done(), done);
    },
    destroy(error, done) {
      link.close();
      done(error);
    },
  }).on("error", () => {}); // whoever reads or writes is told
}

async function writeAll(link: Link, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await link.write(bytes.subarray(at));
}
