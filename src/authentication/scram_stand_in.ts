/**
 * Users that do not exist, for whom SCRAM runs as for any other, so that it does not tell who exists:
 * the same name always gets the same salt. RFC 5802 section 9 asks for as much.
 */

import { nodeCrypto } from "./node_crypto.ts";
import type { ScramUser } from "./scram_keys.ts";
import { fewestIterations, hmac } from "./scram_keys.ts";

/** What is the same for most users, and so for those who do not exist. */
export interface StandInShape {
  readonly iterations: number;
  /** Bytes. */
  readonly saltLength: number;
}

/**
 * Makes stand-ins up.
 *
 * @param secret must not be guessed; where it changes, the salts of those who do not exist change too
 */
export function standIns(
  secret: Uint8Array,
  { iterations, saltLength }: StandInShape,
): (user: string) => ScramUser {
  return (user) => {
    const salt = nodeCrypto().createHmac("sha512", secret).update(`salt ${user}`).digest();
    return {
      user,
      salt: new Uint8Array(salt.subarray(0, saltLength)),
      iterations,
      storedKey: hmac(secret, `stored ${user}`),
      serverKey: hmac(secret, `server ${user}`),
      roles: [],
    };
  };
}

/** Of all shapes the one that most users have. */
export function commonShape(users: Iterable<ScramUser>): StandInShape {
  const counts = new Map<string, { readonly shape: StandInShape; count: number }>();
  let common = { shape: { iterations: fewestIterations, saltLength: 16 }, count: 0 };
  for (const { iterations, salt } of users) {
    const key = `${iterations} ${salt.length}`;
    const shape = { iterations, saltLength: salt.length };
    const entry = counts.get(key) ?? { shape, count: 0 };
    entry.count += 1;
    counts.set(key, entry);
    if (entry.count > common.count) common = entry;
  }
  return common.shape;
}

/** A secret that lasts as long as the users stay the same; nobody knows it who does not know all keys. */
export function secretOf(users: Iterable<ScramUser>): Uint8Array {
  const hash = nodeCrypto().createHash("sha256");
  for (const { user, storedKey, serverKey } of users) {
    hash.update(`${user}\0`).update(storedKey).update(serverKey);
  }
  return new Uint8Array(hash.digest());
}
