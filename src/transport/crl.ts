/**
 * Certificate revocation lists, RFC 5280 section 5: read, proven to be their CA's, and asked. They are
 * looked at here since node:tls in Deno 2.9 takes them and does not heed them.
 */

import type { X509Certificate } from "node:crypto";
import type { Der } from "./der.ts";
import { childrenOf, dottedOf, hexOf, partsOf, readDer, Tag, timeOf } from "./der.ts";
import { nodeCrypto } from "./node_crypto.ts";
import { pemBlocks } from "./pem.ts";
import { factsOf, nameText } from "./x509.ts";

/** All lists of a file. */
export interface Revocations {
  /** Whether a certificate is revoked by its issuer. */
  isRevoked(certificate: Uint8Array): boolean;
  /** Whether there is a list of the CA with that name, as DER. */
  covers(subject: Uint8Array): boolean;
  /** When the first of the lists should have been replaced, in milliseconds since 1970; or never. */
  readonly nextUpdate: number;
}

/** Most lists in one file. */
const MOST_LISTS = 256;

/**
 * Reads a file of lists in PEM.
 *
 * @param authorities the CAs that they must be signed by
 * @throws an Error that says what is wrong with which list
 */
export function parseRevocations(
  text: string,
  authorities: readonly X509Certificate[],
): Revocations {
  const blocks = pemBlocks(text, "X509 CRL");
  if (blocks.length === 0) throw new Error("found no -----BEGIN X509 CRL-----");
  if (blocks.length > MOST_LISTS) throw new Error(`found ${blocks.length} lists`);
  /** Serial numbers by the name of the issuer. */
  const revoked = new Map<string, Set<string>>();
  let nextUpdate = Infinity;
  for (const [at, block] of blocks.entries()) {
    try {
      const list = readList(block, authorities);
      const serials = revoked.get(list.issuer) ?? new Set();
      for (const serial of list.serials) serials.add(serial);
      revoked.set(list.issuer, serials);
      nextUpdate = Math.min(nextUpdate, list.nextUpdate);
    } catch (error) {
      throw new Error(`list ${at + 1}: ${(error as Error).message}`);
    }
  }
  return {
    isRevoked(certificate) {
      const { issuer, serial } = factsOf(certificate);
      return revoked.get(keyOf(issuer))?.has(serial) === true;
    },
    covers: (subject) => revoked.has(keyOf(subject)),
    nextUpdate,
  };
}

/** CertificateList, RFC 5280 section 5.1. */
function readList(bytes: Uint8Array, authorities: readonly X509Certificate[]) {
  const [toBeSigned, algorithm, signature] = partsOf(readDer(bytes), Tag.sequence);
  const parts = partsOf(toBeSigned, Tag.sequence);
  if (parts[0]?.tag === Tag.integer) parts.shift(); // the version
  const [, issuer, , ...rest] = parts;
  if (issuer === undefined || signature?.tag !== Tag.bitString) throw new Error("it is incomplete");
  const name = nameText(issuer.bytes);
  const signers = authorities.filter((authority) =>
    keyOf(factsOf(authority.raw).subject) === keyOf(issuer.bytes)
  );
  if (signers.length === 0) throw new Error(`its CA ${name} is none of those in ca`);
  const digest = DIGESTS[dottedOf(partsOf(algorithm, Tag.sequence)[0])];
  if (digest === undefined) throw new Error("its signature algorithm is not supported");
  const proven = signers.some(({ publicKey }) =>
    nodeCrypto().verify(digest, toBeSigned!.bytes, publicKey, signature.content.subarray(1))
  );
  if (!proven) throw new Error(`its signature is not that of ${name}`);
  const isTime = (tag: number | undefined) => tag === Tag.utcTime || tag === Tag.generalizedTime;
  const nextUpdate = isTime(rest[0]?.tag) ? timeOf(rest.shift()) : Infinity;
  const entries = rest[0]?.tag === Tag.sequence ? childrenOf(rest.shift()!) : [];
  for (const extension of extensionsOf(rest[0])) {
    // Such a list is not about all certificates of its CA, or about more than those. Section 5.2.
    if (extension.isCritical) throw new Error(`its extension ${extension.type} is not supported`);
  }
  return {
    issuer: keyOf(issuer.bytes),
    nextUpdate,
    serials: entries.map((entry) => hexOf(partsOf(entry, Tag.sequence)[0])),
  };
}

function extensionsOf(der: Der | undefined): { type: string; isCritical: boolean }[] {
  if (der?.tag !== 0xa0) return [];
  return partsOf(readDer(der.content), Tag.sequence).map((extension) => {
    const [type, second] = partsOf(extension, Tag.sequence);
    return { type: dottedOf(type), isCritical: second?.tag === Tag.boolean };
  });
}

/** Digests by the object identifiers of signature algorithms; null where the algorithm has its own. */
const DIGESTS: Readonly<Record<string, string | null>> = {
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
  "1.3.101.112": null,
};

/** Bytes as the key of a Map. */
function keyOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 8_192));
}
