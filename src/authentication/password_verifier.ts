/**
 * Clients known by the users of a password file.
 *
 * A user who does not exist costs the same hashing as one with a wrong password, and where nobody else
 * knows it, the end of the chain refuses it with the same words. What was proven lately is remembered
 * under a key that only this process can make, so that a thousand clients that come back do not all wait
 * for their hashes.
 */

import { Reason } from "../packet/reason_code.ts";
import type { Credentials, Instant } from "../policy/identity.ts";
import type { Answer, Verifier } from "./chain.ts";
import { refused, UNKNOWN, WRONG } from "./chain.ts";
import { nodeCrypto } from "./node_crypto.ts";
import type { PasswordUsers } from "./password_file.ts";
import type { PasswordHash } from "./password_hash.ts";
import { provesPassword } from "./password_hash.ts";
import { Recent } from "./recent.ts";
import { Turns } from "./turns.ts";

export interface PasswordOptions {
  /** The users as they are now: asked for each time, and another object whenever they change. */
  readonly users: () => PasswordUsers;
  /** Roles by user name. */
  readonly roles: ReadonlyMap<string, readonly string[]>;
  /** Passwords that are hashed at once, and that wait for it. */
  readonly atOnce: number;
  readonly mostWaiting: number;
  /** Milliseconds that a right password is remembered, and for how many users; 0: not. */
  readonly remembered: number;
  readonly mostRemembered: number;
  readonly now: () => Instant;
  /** Does the hashing. Default: provesPassword. */
  readonly proves?: typeof provesPassword;
  readonly close?: () => void;
}

/** The verifier. */
export function passwordVerifier(options: PasswordOptions): Verifier {
  const { atOnce, mostWaiting, mostRemembered, now, proves = provesPassword, close } = options;
  const turns = new Turns(atOnce, mostWaiting);
  const proven = new Recent<PasswordHash>(mostRemembered, now);
  const secret = nodeCrypto().randomBytes(32);
  let known: PasswordUsers | undefined;
  let standIn: PasswordHash = NOBODY;
  return {
    name: "passwordFile",
    verify({ username, password }: Credentials): Answer | Promise<Answer> {
      // A user name alone proves nothing, and is a matter for others.
      if (username === undefined || password === undefined) return UNKNOWN;
      const users = options.users();
      if (users !== known) {
        known = users;
        standIn = commonHash(users);
        proven.clear();
      }
      const found = users.get(username);
      const key = nodeCrypto().createHmac("sha256", secret).update(`${username}\0`).update(password)
        .digest("base64");
      if (found !== undefined && proven.get(key) === found) return accepted(username);
      return look(username, found, password, key);
    },
    close: () => close?.(),
  };

  async function look(
    username: string,
    found: PasswordHash | undefined,
    password: Uint8Array,
    key: string,
  ): Promise<Answer> {
    let right: boolean;
    try {
      right = await turns.run(() => proves(found ?? standIn, password));
    } catch (error) {
      return refused(Reason.serverBusy, error instanceof Error ? error.message : String(error));
    }
    if (found === undefined) return UNKNOWN; // the end of the chain says the same
    if (!right) return refused(Reason.badUserNameOrPassword, WRONG);
    if (options.remembered > 0) proven.set(key, found, now() + options.remembered);
    return accepted(username);
  }

  function accepted(user: string): Answer {
    return { type: "accepted", identity: { user, roles: options.roles.get(user) ?? [] } };
  }
}

/** What no password is known to hash to. */
const NOBODY: PasswordHash = {
  type: "pbkdf2",
  iterations: 101,
  salt: new Uint8Array(nodeCrypto().randomBytes(12)),
  hash: new Uint8Array(nodeCrypto().randomBytes(64)),
};

/** A hash that costs what most of the users' cost, and that no password is known to have. */
export function commonHash(users: PasswordUsers): PasswordHash {
  const counts = new Map<string, number>();
  let common: PasswordHash = NOBODY;
  let most = 0;
  for (const hash of users.values()) {
    const shape = costOf(hash);
    const count = (counts.get(shape) ?? 0) + 1;
    counts.set(shape, count);
    if (count <= most) continue;
    most = count;
    common = hash;
  }
  const salt = new Uint8Array(nodeCrypto().randomBytes(common.salt.length));
  return { ...common, salt, hash: new Uint8Array(nodeCrypto().randomBytes(common.hash.length)) };
}

function costOf(hash: PasswordHash): string {
  switch (hash.type) {
    case "sha512":
      return hash.type;
    case "pbkdf2":
      return `${hash.type} ${hash.iterations}`;
    case "argon2id":
      return `${hash.type} ${hash.memory} ${hash.passes} ${hash.parallelism}`;
  }
}
