/**
 * Texts with places for what a client says: `${username}`, `${password}`, `${clientid}`, `${address}`,
 * `${listener}`. What is put in is not looked through again.
 */

import type { Credentials } from "../policy/identity.ts";
import { hostOf } from "../policy/ip_address.ts";

/** The names of the places. */
export const placeholders = ["username", "password", "clientid", "address", "listener"] as const;

/** What stands for each place. */
export type Values = Readonly<Record<typeof placeholders[number], string>>;

/** The values of a client; undefined where its password is no text. */
export function valuesOf({ username, password, clientId, peer }: Credentials): Values | undefined {
  let text: string;
  try {
    text = password === undefined ? "" : UTF8.decode(password);
  } catch {
    return undefined;
  }
  return {
    username: username ?? "",
    password: text,
    clientid: clientId,
    address: hostOf(peer.address) ?? "",
    listener: peer.listener,
  };
}

/** The text with its places filled; `as` writes a value so that it stays one, as in a URL. */
export function filled(text: string, values: Values, as: (value: string) => string): string {
  return text.replace(PLACE, (_, name: keyof Values) => as(values[name]));
}

/** What stands in `${…}` and is no place; undefined where all are. */
export function unknownPlace(text: string): string | undefined {
  for (const [, name] of text.matchAll(/\$\{([^}]*)\}?/g)) {
    if (!placeholders.some((known) => known === name)) return name;
  }
  return undefined;
}

const PLACE = new RegExp(`\\$\\{(${placeholders.join("|")})\\}`, "g");
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
