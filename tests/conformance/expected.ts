/** What a peer expects to get: a packet of which some fields are given, or the very bytes of it. */

import type { Packet } from "../../src/packet/packet.ts";

export type PacketType = Packet["type"];
export type PacketOf<Type extends PacketType> = Extract<Packet, { readonly type: Type }>;

/** A value of which some fields are given; lists and bytes are given whole, bytes also as text. */
type Partly<Value> = Value extends Uint8Array ? Uint8Array | string
  : Value extends readonly unknown[] ? Value
  : Value extends object ? { readonly [Key in keyof Value]?: Partly<Value[Key]> | undefined }
  : Value;

/** A packet of one type of which only the fields that are given are compared. */
export type Expected<Type extends PacketType> = { readonly type: Type } & Partly<PacketOf<Type>>;

/**
 * The path of the first field that is not as given, with both values; undefined where all are.
 * A field that is given as undefined must be absent.
 */
export function difference(found: unknown, given: unknown, path = "packet"): string | undefined {
  if (found instanceof Uint8Array && typeof given === "string") {
    const text = new TextDecoder().decode(found);
    return text === given ? undefined : `${path} is ${quote(text)}, expected is ${quote(given)}`;
  }
  if (typeof given !== "object" || given === null) {
    return Object.is(found, given)
      ? undefined
      : `${path} is ${quote(found)}, expected is ${quote(given)}`;
  }
  if (typeof found !== "object" || found === null) {
    return `${path} is ${quote(found)}, expected is ${quote(given)}`;
  }
  const listed = Array.isArray(given) || given instanceof Uint8Array;
  if (listed && given.length !== (found as { length?: number }).length) {
    return `${path} is ${quote(found)}, expected is ${quote(given)}`;
  }
  for (const [key, value] of Object.entries(given)) {
    const name = listed ? `${path}[${key}]` : `${path}.${key}`;
    const differs = difference((found as Record<string, unknown>)[key], value, name);
    if (differs !== undefined) return differs;
  }
  return undefined;
}

function quote(value: unknown): string {
  if (value instanceof Uint8Array) return `[${value.slice(0, 40)}]`;
  return JSON.stringify(value) ?? String(value);
}
