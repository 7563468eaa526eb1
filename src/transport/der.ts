/**
 * Just enough of DER (ITU-T X.690) to look into certificates and revocation lists, whose bytes may come from
 * anybody. Definite lengths and low tags only, as X.509 has them; what is anything else is an Error.
 */

/** One value: tag, length, content. */
export interface Der {
  readonly tag: number;
  /** Tag and length included. */
  readonly bytes: Uint8Array;
  readonly content: Uint8Array;
}

/** Tags that X.509 uses here. */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The value at a place. Throws an Error where there is no whole one. */
export function readDer(bytes: Uint8Array, at = 0): Der {
  const tag = bytes[at], first = bytes[at + 1];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw malformed();
  let start = at + 2;
  let length = first;
  if (first >= 0x80) {
    const size = first & 0x7f;
    if (size < 1 || size > 4) throw malformed();
    length = 0;
    for (const end = start + size; start < end; start++) length = length * 256 + bytes[start]!;
  }
  const end = start + length;
  if (!(end <= bytes.length)) throw malformed(); // so written, NaN is malformed too
  return { tag, bytes: bytes.subarray(at, end), content: bytes.subarray(start, end) };
}

/** The values inside of one. */
export function childrenOf(der: Der): Der[] {
  const children: Der[] = [];
  for (let at = 0; at < der.content.length;) {
    const child = readDer(der.content, at);
    children.push(child);
    at += child.bytes.length;
  }
  return children;
}

/** The same, of one that must have that tag. */
export function partsOf(der: Der | undefined, tag: number): Der[] {
  if (der?.tag !== tag) throw malformed();
  return childrenOf(der);
}

/** An INTEGER that is not negative, in hexadecimal digits without leading zeros: a serial number. */
export function hexOf(der: Der | undefined): string {
  if (der?.tag !== Tag.integer) throw malformed();
  const hex = Array.from(der.content, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^0+(?=.)/, "").toUpperCase();
}

/** An OBJECT IDENTIFIER in dotted numbers. */
export function dottedOf(der: Der | undefined): string {
  if (der?.tag !== Tag.objectIdentifier || der.content.length === 0) throw malformed();
  const numbers: number[] = [];
  let number = 0;
  for (const byte of der.content) {
    number = number * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      numbers.push(number);
      number = 0;
    }
  }
  const [first, ...rest] = numbers;
  if (first === undefined) throw malformed();
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...rest].join(".");
}

/** The text of a string; undefined where its bytes are not what its tag says. */
export function stringOf({ tag, content }: Der): string | undefined {
  switch (tag) {
    case Tag.utf8String:
      return decoded("utf-8", content);
    case Tag.printableString:
    case Tag.ia5String:
      return content.every((byte) => byte < 0x80) ? decoded("utf-8", content) : undefined;
    case Tag.teletexString:
      return String.fromCharCode(...content.subarray(0, 4_096));
    case Tag.bmpString:
      return decoded("utf-16be", content);
    default:
      return undefined;
  }
}

/** A UTCTime or GeneralizedTime in milliseconds since 1970. RFC 5280 section 4.1.2.5. */
export function timeOf(der: Der | undefined): number {
  const text = der === undefined ? "" : String.fromCharCode(...der.content.subarray(0, 32));
  const match = der?.tag === Tag.utcTime
    ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)
    : der?.tag === Tag.generalizedTime
    ? /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)
    : null;
  if (match === null) throw malformed();
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number);
  const full = match[1]!.length === 4 ? year! : year! < 50 ? 2000 + year! : 1900 + year!;
  return Date.UTC(full, month! - 1, day, hour, minute, second);
}

function decoded(encoding: string, bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function malformed(): Error {
  return new Error("the bytes are no DER, or not of this kind");
}
