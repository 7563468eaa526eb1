/**
 * `dunlin scram USER`: the entry of a user for `authentication.scram`, made of a password.
 *
 * The password comes from standard input, and is neither shown nor kept: who has the entry cannot log in
 * with it, but can try passwords against it.
 */

import { randomBytes } from "node:crypto";
import { saslPrep } from "../authentication/sasl_prep.ts";
import { scramKeys } from "../authentication/scram_keys.ts";
import { base64Of } from "../authentication/scram_message.ts";
import type { ScramEntry } from "../server/config_authentication.ts";
import { entryFaults } from "../server/config_authentication.ts";
import { readPassword } from "./password.ts";

/** What `dunlin scram` takes from the command line. */
export interface ScramCommandOptions {
  readonly iterations: number;
  readonly role: readonly string[];
}

/** Iterations where the command line names none; RFC 7677 asks for 4,096 at least. */
export const usualIterations = 15_000;

const saltLength = 16;

/**
 * Prints one line of JSON to standard output.
 *
 * @returns the exit status: 0, or 1 where name or password cannot be used
 */
export async function scram(user: string, options: ScramCommandOptions): Promise<number> {
  try {
    const name = saslPrep(user);
    if (name === undefined || name === "") {
      throw new Error(`user name: found ${JSON.stringify(user)}; allowed: text of RFC 4013`);
    }
    const entry = newEntry(name, await readPassword(user), options);
    for (const { key, found, expected } of entryFaults([entry])) {
      throw new Error(`${key}: found ${found}; allowed: ${expected}`);
    }
    console.log(JSON.stringify(entry));
    return 0;
  } catch (error) {
    console.error(`dunlin scram: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

function newEntry(
  user: string,
  password: string,
  { iterations, role: roles }: ScramCommandOptions,
): ScramEntry {
  const prepared = saslPrep(password);
  if (prepared === undefined || prepared === "") {
    throw new Error("password: found nothing, or control characters; allowed: text of RFC 4013");
  }
  const salt = new Uint8Array(randomBytes(saltLength));
  const { storedKey, serverKey } = scramKeys(prepared, salt, iterations);
  return {
    user,
    salt: base64Of(salt),
    iterations,
    storedKey: base64Of(storedKey),
    serverKey: base64Of(serverKey),
    roles: [...roles],
  };
}
