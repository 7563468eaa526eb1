/**
 * The keys that tokens are checked with: a shared secret, a public key in PEM, a set of keys in a file or
 * at a URL. RFC 7515, RFC 7517, RFC 7518.
 *
 * Which algorithms go with a kind of key is settled here, never by what a token says of itself: a public
 * key is no secret, and a token signed by it as if it were one is worth nothing.
 */

import type { CryptoKey, FlattenedJWSInput, JSONWebKeySet, JWK, JWSHeaderParameters } from "jose";
import { createLocalJWKSet, errors } from "jose";
import type { Instant } from "../policy/identity.ts";
import { nodeCrypto } from "./node_crypto.ts";
import { isPlainObject } from "./plain_object.ts";
import type { Remote } from "./remote.ts";

/** With a secret, and with a public key. There is no `none`. */
export const secretAlgorithms = ["HS256", "HS384", "HS512"] as const;
export const publicAlgorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const;

export type Algorithm = typeof secretAlgorithms[number] | typeof publicAlgorithms[number];

/** Where the key for a token comes from. */
export interface JwtKeys {
  /** The key; rejects with a KeysUnavailable where it cannot be got now, else where there is none. */
  keyFor(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey | Uint8Array>;
  close?(): void;
}

/** Marks that no key could be got, which says nothing about the token. */
export const KEYS_UNAVAILABLE = "keysUnavailable";

/** Keys of a set at most. */
const MOST_KEYS = 100;

/** A shared secret. */
export function secretKey(secret: Uint8Array): JwtKeys {
  return { keyFor: () => Promise.resolve(secret) };
}

/**
 * A public key or certificate in PEM, as a set of one key. Throws an Error that says what was found where
 * it is none.
 */
export function parsePublicKey(pem: string): KeySet {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    throw new Error("found a private key; allowed is the public key, in PEM");
  }
  let key: JWK;
  try {
    key = nodeCrypto().createPublicKey(pem).export({ format: "jwk" }) as JWK;
  } catch {
    throw new Error("found no public key and no certificate in PEM");
  }
  const keySet = createLocalJWKSet({ keys: [key] });
  // A key in PEM has no name, whatever name the token calls it by.
  return ({ kid: _, ...header }, token) => keySet(header, token);
}

/** A set of keys. */
export type KeySet = (header: JWSHeaderParameters, token: FlattenedJWSInput) => Promise<CryptoKey>;

/** Reads a JSON Web Key Set. Throws an Error that says what was found. */
export function parseKeySet(text: string): KeySet {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error("found text that is no JSON; allowed is a JSON Web Key Set");
  }
  const keys = isPlainObject(value) ? value["keys"] : undefined;
  if (!Array.isArray(keys) || keys.length > MOST_KEYS || !keys.every(isPlainObject)) {
    throw new Error(`found no list "keys" of at most ${MOST_KEYS} objects`);
  }
  return createLocalJWKSet(value as unknown as JSONWebKeySet);
}

/** The keys of a set as they are now. */
export function keySetSource(keySet: () => KeySet, close: () => void): JwtKeys {
  return { keyFor: (header, token) => keySet()(header, token), close };
}

export interface KeySetUrlOptions {
  readonly url: string;
  readonly remote: Pick<Remote, "ask" | "close">;
  /** Milliseconds that a set is good for. */
  readonly cached: number;
  /** Milliseconds before it is asked for again on account of a key that is not in it. */
  readonly cooldown: number;
  readonly now: () => Instant;
  /** Told why it could not be got. */
  readonly failed: (reason: string) => void;
}

/**
 * The keys of a set at a URL: asked for when there is need, again when it has grown old, and soon when a
 * token names a key that is not in it. While it cannot be got, the last one holds.
 */
export function keySetUrl(options: KeySetUrlOptions): JwtKeys {
  const { url, remote, cached, cooldown, now, failed } = options;
  let known: KeySet | undefined;
  let askedAt: Instant = -Infinity;
  let underWay: Promise<void> | undefined;
  const refresh = () => underWay ??= fetchSet().finally(() => underWay = undefined);
  return {
    async keyFor(header, token) {
      if (known === undefined ? now() - askedAt >= MISSING_COOLDOWN : now() - askedAt >= cached) {
        await refresh();
      } else if (underWay !== undefined && known === undefined) await underWay;
      if (known === undefined) throw new Error(KEYS_UNAVAILABLE);
      try {
        return await known(header, token);
      } catch (error) {
        const unknownKey = error instanceof errors.JWKSNoMatchingKey;
        if (!unknownKey || now() - askedAt < cooldown) throw error;
        await refresh();
        return await known(header, token);
      }
    },
    close: () => remote.close(),
  };

  async function fetchSet(): Promise<void> {
    askedAt = now();
    try {
      const answer = await remote.ask(
        url,
        { headers: { accept: "application/jwk-set+json, application/json" } },
        ({ status }) => status === 200 ? undefined : `status ${status}`,
      );
      known = parseKeySet(answer.text);
    } catch (error) {
      failed(error instanceof Error ? error.message : String(error));
    }
  }
}

/** Milliseconds between tries while there is none at all. */
const MISSING_COOLDOWN = 1_000;
