/**
 * Payloads in JSON: as text where they are UTF-8, in base64 otherwise. Pure.
 */

import * as z from "zod";

/** What a message that is to be published has; one of the two, or neither for an empty payload. */
export const payloadShape = {
  payload: z.string().max(268_435_455).optional().describe("The payload as text."),
  payloadBase64: z.string().max(360_000_000).regex(
    /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
  )
    .optional().describe("The payload in base64, in the place of payload."),
};

export interface Payload {
  readonly payload?: string | undefined;
  readonly payloadBase64?: string | undefined;
}

const toUtf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const PIECE = 8_192;

/** The bytes as they stand in a reply. */
export function shownPayload(bytes: Uint8Array): Payload {
  try {
    return { payload: fromUtf8.decode(bytes) };
  } catch {
    let text = "";
    for (let at = 0; at < bytes.length; at += PIECE) {
      text += String.fromCharCode(...bytes.subarray(at, at + PIECE));
    }
    return { payloadBase64: btoa(text) };
  }
}

/** The bytes that are meant. */
export function payloadBytes({ payload, payloadBase64 }: Payload): Uint8Array {
  if (payloadBase64 === undefined) return toUtf8.encode(payload ?? "");
  return Uint8Array.from(atob(payloadBase64), (char) => char.charCodeAt(0));
}
