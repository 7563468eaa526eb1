/**
 * What is kept of a password for SCRAM-SHA-256, so that it can be checked and nobody can log in with what
 * is kept. RFC 5802 sections 2.2 and 3, RFC 7677.
 */

import { nodeCrypto } from "./node_crypto.ts";

/** A user, as the server knows it. */
export interface ScramUser {
  /** Prepared by `saslPrep`. */
  readonly user: string;
  readonly salt: Uint8Array;
  readonly iterations: number;
  /** 32 bytes. */
  readonly storedKey: Uint8Array;
  /** 32 bytes. */
  readonly serverKey: Uint8Array;
  readonly roles: readonly string[];
}

/** Where users are looked up. A `Map` from user name to user is one. */
export interface ScramUsers {
  /** By the name prepared by `saslPrep`. */
  get(user: string): ScramUser | undefined;
}

/** Fewest iterations that RFC 7677 lets a server ask for, and most that this one does. */
export const fewestIterations = 4_096;
export const mostIterations = 10_000_000;

/** Bytes of a key, which is a SHA-256. */
export const keyLength = 32;

/** Fewest and most bytes of a salt. */
export const shortestSalt = 8;
export const longestSalt = 64;

/** Both keys of a password, which is prepared by `saslPrep`. Takes milliseconds, by intent. */
export function scramKeys(
  password: string,
  salt: Uint8Array,
  iterations: number,
): { readonly storedKey: Uint8Array; readonly serverKey: Uint8Array } {
  const salted = nodeCrypto().pbkdf2Sync(password, salt, iterations, keyLength, "sha256");
  return {
    storedKey: sha256(hmac(salted, "Client Key")),
    serverKey: hmac(salted, "Server Key"),
  };
}

/** HMAC with SHA-256. */
export function hmac(key: Uint8Array, text: string): Uint8Array {
  return new Uint8Array(nodeCrypto().createHmac("sha256", key).update(text).digest());
}

/** SHA-256. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(nodeCrypto().createHash("sha256").update(bytes).digest());
}
