/**
 * Hashed passwords as `mosquitto_passwd` writes them: `$6$` (SHA-512 over password and salt), `$7$`
 * (PBKDF2 with HMAC-SHA-512, RFC 8018) and `$argon2id$` (RFC 9106). What this program writes is `$7$`,
 * which every Mosquitto since 2.0 reads.
 *
 * Hashing runs on threads of WebCrypto; how many at once is not bounded here.
 */

import { nodeCrypto } from "./node_crypto.ts";
import { base64Of, bytesOf } from "./scram_message.ts";

/** A password, hashed. */
export type PasswordHash =
  | { readonly type: "sha512"; readonly salt: Uint8Array; readonly hash: Uint8Array }
  | {
    readonly type: "pbkdf2";
    readonly iterations: number;
    readonly salt: Uint8Array;
    readonly hash: Uint8Array;
  }
  | {
    readonly type: "argon2id";
    /** KiB. */
    readonly memory: number;
    readonly passes: number;
    readonly parallelism: number;
    readonly salt: Uint8Array;
    readonly hash: Uint8Array;
  };

/** Most iterations that a login may cost: some seconds. */
export const mostPasswordIterations = 10_000_000;

/** What Argon2id may cost at most: 256 MiB, 64 passes, 16 lanes. */
const MOST_MEMORY = 262_144;
const MOST_PASSES = 64;
const MOST_LANES = 16;

const LONGEST_SALT = 64;
const SHA512_LENGTH = 64;
const ARGON2_LENGTHS = [16, 64] as const;

/** Reads what stands behind the user name; or says what is wrong, without a word of it. */
export function parsePasswordHash(text: string): PasswordHash | string {
  const [before, type, ...fields] = text.split("$");
  if (before !== "" || type === undefined) {
    return "a password in plain text; `mosquitto_passwd -U` or `dunlin passwd` hashes it";
  }
  switch (type) {
    case "6":
      return sha512Of(fields);
    case "7":
      return pbkdf2Of(fields);
    case "argon2id":
      return argon2idOf(fields);
    default:
      return "a hash of another kind; known are $6$, $7$ and $argon2id$";
  }
}

function sha512Of([salt, hash, more]: readonly string[]): PasswordHash | string {
  const bytes = saltAndHash(salt, hash, more, SHA512_LENGTH, SHA512_LENGTH);
  return typeof bytes === "string" ? bytes : { type: "sha512", ...bytes };
}

function pbkdf2Of([count, salt, hash, more]: readonly string[]): PasswordHash | string {
  const iterations = wholeNumber(count, mostPasswordIterations);
  if (iterations === undefined) return `iterations that are not 1 to ${mostPasswordIterations}`;
  const bytes = saltAndHash(salt, hash, more, SHA512_LENGTH, SHA512_LENGTH);
  return typeof bytes === "string" ? bytes : { type: "pbkdf2", iterations, ...bytes };
}

/** `$argon2id$v=19$m=47104,t=1,p=1$salt$hash`, base64 without padding. */
function argon2idOf(
  [version, costs = "", salt = "", hash = "", more]: readonly string[],
): PasswordHash | string {
  const match = /^m=(\d{1,9}),t=(\d{1,9}),p=(\d{1,9})$/.exec(costs);
  if (version !== "v=19" || match === null) return "Argon2id other than v=19 with m=, t= and p=";
  const memory = wholeNumber(match[1], MOST_MEMORY);
  const passes = wholeNumber(match[2], MOST_PASSES);
  const parallelism = wholeNumber(match[3], MOST_LANES);
  if (memory === undefined || passes === undefined || parallelism === undefined) {
    return `Argon2id above m=${MOST_MEMORY},t=${MOST_PASSES},p=${MOST_LANES}`;
  }
  if (memory < 8 * parallelism) return "Argon2id with less memory than 8 KiB for each lane";
  const bytes = saltAndHash(padded(salt), padded(hash), more, ...ARGON2_LENGTHS);
  if (typeof bytes === "string") return bytes;
  if (bytes.salt.length < 8) return "Argon2id with a salt of less than 8 bytes";
  return { type: "argon2id", memory, passes, parallelism, ...bytes };
}

function padded(base64: string): string {
  return base64.padEnd(Math.ceil(base64.length / 4) * 4, "=");
}

function wholeNumber(text: string | undefined, most: number): number | undefined {
  if (text === undefined || !/^[1-9]\d{0,9}$/.test(text)) return undefined;
  return Number(text) <= most ? Number(text) : undefined;
}

function saltAndHash(
  salt: string | undefined,
  hash: string | undefined,
  more: string | undefined,
  shortest: number,
  longest: number,
): { readonly salt: Uint8Array; readonly hash: Uint8Array } | string {
  if (salt === undefined || hash === undefined || more !== undefined) {
    return "a hash with too few or too many parts between its $";
  }
  const bytes = { salt: bytesOf(salt), hash: bytesOf(hash) };
  if (bytes.salt === undefined || bytes.salt.length < 1 || bytes.salt.length > LONGEST_SALT) {
    return `a salt that is not 1 to ${LONGEST_SALT} bytes in base64`;
  }
  if (bytes.hash === undefined || bytes.hash.length < shortest || bytes.hash.length > longest) {
    const range = shortest === longest ? `${shortest}` : `${shortest} to ${longest}`;
    return `a hash that is not ${range} bytes in base64`;
  }
  return { salt: bytes.salt, hash: bytes.hash };
}

/** The text that `parsePasswordHash` reads, of a hash that was made here. */
export function formatPasswordHash(hash: PasswordHash & { readonly type: "pbkdf2" }): string {
  return `$7$${hash.iterations}$${base64Of(hash.salt)}$${base64Of(hash.hash)}`;
}

/** Hashes a password anew, with a salt of its own. */
export async function hashPassword(
  password: Uint8Array,
  iterations: number,
): Promise<PasswordHash & { readonly type: "pbkdf2" }> {
  // 12 bytes, as mosquitto_passwd has it; Mosquitto 2.0 reads no longer ones.
  const made = {
    type: "pbkdf2",
    iterations,
    salt: crypto.getRandomValues(new Uint8Array(12)),
    hash: new Uint8Array(SHA512_LENGTH),
  } as const;
  return { ...made, hash: await digest(made, password) };
}

/** Whether that is the password. Takes the same time for every password of one length. */
export async function provesPassword(hash: PasswordHash, password: Uint8Array): Promise<boolean> {
  return nodeCrypto().timingSafeEqual(await digest(hash, password), hash.hash);
}

/** The hash of a password by the salt and the costs of another hash. */
async function digest(hash: PasswordHash, password: Uint8Array): Promise<Uint8Array> {
  const { subtle } = crypto;
  const bits = hash.hash.length * 8;
  switch (hash.type) {
    case "sha512": {
      const both = new Uint8Array(password.length + hash.salt.length);
      both.set(password);
      both.set(hash.salt, password.length);
      return new Uint8Array(await subtle.digest("SHA-512", both));
    }
    case "pbkdf2": {
      const key = await subtle.importKey("raw", own(password), "PBKDF2", false, ["deriveBits"]);
      const { iterations } = hash;
      const how = { name: "PBKDF2", hash: "SHA-512", salt: own(hash.salt), iterations };
      return new Uint8Array(await subtle.deriveBits(how, key, bits));
    }
    case "argon2id": {
      // Of "Modern Algorithms in the Web Cryptography API", which TypeScript does not know yet.
      const form = "raw-secret" as "raw";
      const key = await subtle.importKey(form, own(password), "Argon2id", false, ["deriveBits"]);
      const { memory, passes, parallelism, salt } = hash;
      const how = { name: "Argon2id", nonce: own(salt), memory, passes, parallelism, version: 19 };
      return new Uint8Array(await subtle.deriveBits(how, key, bits));
    }
  }
}

/** Over a buffer of its own, as WebCrypto wants it. */
function own(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes);
}
