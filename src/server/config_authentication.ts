/**
 * The section `authentication` of the configuration, and the entries of a file of users.
 *
 * It must not read files; how users are used is the business of src/authentication/.
 */

import * as z from "zod";
import {
  fewestIterations,
  keyLength,
  longestSalt,
  mostIterations,
  type ScramUser,
  shortestSalt,
} from "../authentication/scram_keys.ts";
import { bytesOf } from "../authentication/scram_message.ts";
import { saslPrep } from "../authentication/sasl_prep.ts";
import { BROKER } from "../policy/identity.ts";
import { httpSchema, jwtSchema, orderSchema, passwordFileSchema } from "./config_verifiers.ts";

/** Users in one list at most: a file of them is no larger than a configuration file. */
const mostUsers = 10_000;

function base64(description: string, example: string) {
  return z.string().regex(/^[A-Za-z0-9+/]{1,200}={0,2}$/).meta({
    description,
    examples: [example],
  });
}

const exampleKey = "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=";

const scramUser = z.strictObject({
  user: z.string().min(1).max(1_024).describe("The user name."),
  salt: base64(
    `${shortestSalt} to ${longestSalt} bytes in base64, made for this user.`,
    "W22ZaJ0SNY7soEsUEjb6gQ==",
  ),
  iterations: z.int().min(fewestIterations).max(mostIterations).describe(
    "How often the password is hashed: what makes guessing slow, and each login of the client.",
  ),
  storedKey: base64("StoredKey of RFC 5802 in base64.", exampleKey),
  serverKey: base64("ServerKey of RFC 5802 in base64.", exampleKey),
  roles: z.array(z.string().min(1).max(64)).max(100).default([]).describe("The roles of the user."),
});

/** A user as it is written: what `dunlin scram USER` prints. */
export type ScramEntry = z.output<typeof scramUser>;

export const authenticationSchema = z.strictObject({
  order: orderSchema,
  passwordFile: passwordFileSchema.optional().describe(
    "Users with hashed passwords in a file. Default: none.",
  ),
  jwt: jwtSchema.optional().describe("Clients that send a signed token (JWT). Default: none."),
  http: httpSchema.optional().describe("Another server that knows clients. Default: none."),
  scram: z.strictObject({
    file: z.string().min(1).max(4_096).optional().describe(
      "A file with a list [ ] of users, each as `dunlin scram USER` prints it; relative to the " +
        "directory that the broker is started in.",
    ),
    users: z.array(scramUser).max(mostUsers).optional().describe(
      "The users, in place of a file.",
    ),
    secret: z.string().min(16).max(1_024).optional().describe(
      "What the salts of users who do not exist are made from, so that nobody can tell them from " +
        "others. Default: made from the users, and so another one whenever they change.",
    ),
  }).optional().describe(
    "SCRAM-SHA-256 for MQTT 5.0 clients that name it as their Authentication Method. Default: it is " +
      "not on offer.",
  ),
});

/** What is wrong with an entry beyond its types. */
export interface EntryFault {
  readonly at: number;
  readonly key: "user" | "salt" | "storedKey" | "serverKey";
  readonly found: string;
  readonly expected: string;
}

/** All such faults of a list of users. What is of another type than it should be is passed over. */
export function entryFaults(entries: readonly Readonly<Record<string, unknown>>[]): EntryFault[] {
  const names = new Map<string, number>();
  return entries.flatMap((entry, at) => [
    ...userFaults(entry["user"], at, names),
    ...bytesFaults(entry, at, "salt", shortestSalt, longestSalt),
    ...bytesFaults(entry, at, "storedKey", keyLength, keyLength),
    ...bytesFaults(entry, at, "serverKey", keyLength, keyLength),
  ]);
}

function userFaults(user: unknown, at: number, names: Map<string, number>): EntryFault[] {
  if (typeof user !== "string" || user === "") return [];
  const fault = (expected: string): EntryFault[] => [
    { at, key: "user", found: JSON.stringify(user.slice(0, 60)), expected },
  ];
  const prepared = saslPrep(user);
  if (prepared === undefined || prepared === "") {
    return fault("a name without control characters and the like (RFC 4013)");
  }
  if (prepared !== user) return fault(`the name as clients send it: ${JSON.stringify(prepared)}`);
  if (user === BROKER.user) return fault("another name, as this one is the broker's own");
  const twin = names.get(user);
  if (twin !== undefined) return fault(`each user once; entry ${twin + 1} has this name already`);
  names.set(user, at);
  return [];
}

function bytesFaults(
  entry: Readonly<Record<string, unknown>>,
  at: number,
  key: "salt" | "storedKey" | "serverKey",
  fewest: number,
  most: number,
): EntryFault[] {
  const text = entry[key];
  if (typeof text !== "string") return [];
  const length = bytesOf(text)?.length;
  if (length !== undefined && length >= fewest && length <= most) return [];
  const range = fewest === most ? `${most}` : `${fewest} to ${most}`;
  return [{
    at,
    key,
    found: length === undefined ? "text that is no base64" : `${length} bytes in base64`,
    expected: `${range} bytes in base64`,
  }];
}

/** Users by name, of entries without faults. */
export function usersOf(entries: readonly ScramEntry[]): ReadonlyMap<string, ScramUser> {
  return new Map(entries.map((entry) => [entry.user, {
    user: entry.user,
    salt: bytesOf(entry.salt)!,
    iterations: entry.iterations,
    storedKey: bytesOf(entry.storedKey)!,
    serverKey: bytesOf(entry.serverKey)!,
    roles: entry.roles,
  }]));
}
