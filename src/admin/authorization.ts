/**
 * The field `Authorization` of a request as what a client of MQTT would offer as proof: user name and
 * password (RFC 7617), or a token (RFC 6750). It proves nothing; whoever lets clients in does.
 */

/** What was offered. */
export interface Offered {
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
}

/** Bytes of a user name or password at most, as in MQTT. */
const LONGEST = 65_535;

/**
 * What the field offers; undefined where it is absent or of another form.
 *
 * @param bearerIn where a token stands in CONNECT
 */
export function offeredIn(
  field: string | undefined,
  bearerIn: "username" | "password",
): Offered | undefined {
  const [, scheme, value] = /^([A-Za-z]+) +([\x21-\x7e]+) *$/.exec(field ?? "") ?? [];
  if (value === undefined) return undefined;
  switch (scheme!.toLowerCase()) {
    case "basic":
      return basic(value);
    case "bearer":
      return bearerIn === "username"
        ? { username: value, password: undefined }
        : { username: undefined, password: new TextEncoder().encode(value) };
    default:
      return undefined;
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** User name and password with a colon between them, in base64. */
function basic(value: string): Offered | undefined {
  try {
    const bytes = Uint8Array.from(atob(value), (letter) => letter.charCodeAt(0));
    const colon = bytes.indexOf(0x3a);
    if (colon === -1 || colon > LONGEST || bytes.length - colon > LONGEST) return undefined;
    const username = UTF8.decode(bytes.subarray(0, colon));
    if (username.includes("\0")) return undefined; // no user name of MQTT [MQTT-1.5.4-2]
    return { username, password: bytes.slice(colon + 1) };
  } catch { // no base64, or no UTF-8
    return undefined;
  }
}
