/**
 * The messages of a SCRAM client: text to values. RFC 5802 sections 5, 5.1 and 7. What breaks the grammar
 * comes back as words; whether a proof is right is not looked at here.
 */

import { saslPrep } from "./sasl_prep.ts";

/** Bytes of the longest message that is looked at. */
const LONGEST_MESSAGE = 4_096;
/** Characters of the longest nonce of a client. */
const LONGEST_NONCE = 256;

/** client-first-message. */
export interface ClientFirst {
  /** The gs2-header as it stood there. */
  readonly gs2Header: string;
  /** All behind it, which is signed. */
  readonly bare: string;
  /** Prepared by `saslPrep`. */
  readonly user: string;
  readonly nonce: string;
}

/** client-final-message. */
export interface ClientFinal {
  /** What the client says that its gs2-header was, in base64. */
  readonly channelBinding: string;
  readonly nonce: string;
  readonly proof: Uint8Array;
  /** All before the proof, which is signed. */
  readonly withoutProof: string;
}

// `m` asks for an extension that must be understood; there is none. Others are passed over.
const FIRST =
  /^((?:n|y|p=[A-Za-z0-9.-]+),(?:a=([^,\0]+))?,)(n=([^,\0]+),r=([\x21-\x2b\x2d-\x7e]+)(?:,[A-Za-ln-z]=[^,\0]+)*)$/;
const FINAL =
  /^(c=([A-Za-z0-9+/=]+),r=([\x21-\x2b\x2d-\x7e]+)(?:,[A-Za-ln-oq-z]=[^,\0]+)*),p=([A-Za-z0-9+/=]+)$/;

/** The first message of a client, or what is wrong with it. */
export function readClientFirst(data: Uint8Array): ClientFirst | string {
  const text = textOf(data);
  const match = text === undefined ? null : FIRST.exec(text);
  if (match === null) return "its first message is not in the form of RFC 5802";
  const [, gs2Header, authorization, bare, name, nonce] = match;
  if (gs2Header!.startsWith("p=")) return "channel binding is not on offer";
  const user = nameOf(name!);
  if (user === undefined || user === "") return "its user name is not allowed (RFC 4013)";
  if (authorization !== undefined && nameOf(authorization) !== user) {
    return "it may not act for another user";
  }
  if (nonce!.length > LONGEST_NONCE) return `its nonce has more than ${LONGEST_NONCE} characters`;
  return { gs2Header: gs2Header!, bare: bare!, user, nonce: nonce! };
}

/** The final message of a client, or what is wrong with it. */
export function readClientFinal(data: Uint8Array): ClientFinal | string {
  const text = textOf(data);
  const match = text === undefined ? null : FINAL.exec(text);
  if (match === null) return "its final message is not in the form of RFC 5802";
  const [, withoutProof, channelBinding, nonce, base64] = match;
  const proof = bytesOf(base64!);
  if (proof === undefined) return "its proof is no base64";
  return {
    channelBinding: channelBinding!,
    nonce: nonce!,
    proof,
    withoutProof: withoutProof!,
  };
}

/** The bytes that a text in base64 stands for; undefined where it is not exactly how they are written. */
export function bytesOf(base64: string): Uint8Array | undefined {
  try {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    return base64Of(bytes) === base64 ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/** Bytes in base64. */
export function base64Of(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)); // of no more than a message has
}

/** Where U+FEFF stands first it is a character like any other. */
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOf(data: Uint8Array): string | undefined {
  if (data.length > LONGEST_MESSAGE) return undefined;
  try {
    return UTF8.decode(data);
  } catch {
    return undefined;
  }
}

/** A saslname: `=2C` is a comma, `=3D` an equals sign, and no other equals sign stands in it. */
function nameOf(saslname: string): string | undefined {
  if (/=(?!2C|3D)/.test(saslname)) return undefined;
  return saslPrep(saslname.replaceAll("=2C", ",").replaceAll("=3D", "="));
}
