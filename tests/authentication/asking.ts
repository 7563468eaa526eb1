/** Credentials for tests of authentication, and a clock that stands still until it is told. */

import type { Credentials } from "../../src/policy/identity.ts";

const TO_BYTES = new TextEncoder();

/** What a client shows; the password as text. */
export function asking(
  username?: string,
  password?: string | Uint8Array,
  more: { clientId?: string; address?: string; listener?: string; anonymous?: boolean } = {},
): Credentials {
  const {
    clientId = "pump",
    address = "192.0.2.7:50123",
    listener = "test",
    anonymous = true,
  } = more;
  return {
    clientId,
    username,
    password: typeof password === "string" ? TO_BYTES.encode(password) : password,
    authenticationMethod: undefined,
    authenticationData: undefined,
    protocolVersion: 5,
    peer: { address, listener, anonymousAllowed: anonymous },
  };
}

/** A clock. */
export function stillClock(at = 1_800_000_000_000) {
  const clock = {
    at,
    now: () => clock.at,
  };
  return clock;
}

/** The outcome in a few words: `ada [writer]`, `0x86`, `unknown`. */
export function wordsOf(
  answer:
    | {
      readonly type: string;
      readonly identity?: { user: string | undefined; roles: readonly string[] };
      readonly reason?: number;
    }
    | undefined,
): string {
  if (answer === undefined) return "nothing";
  if (answer.type === "refused") return `0x${answer.reason!.toString(16)}`;
  if (answer.type !== "accepted") return answer.type;
  const { user = "anonymous", roles } = answer.identity!;
  return roles.length === 0 ? user : `${user} [${roles.join(" ")}]`;
}
