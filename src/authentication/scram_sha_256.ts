/**
 * SCRAM-SHA-256 as an enhanced authentication method: RFC 5802 and RFC 7677, the side of the server,
 * without channel binding. Neither side sends the password, and both prove that they know it.
 *
 * A user who does not exist gets the same exchange and the same refusal as one with a wrong password. A
 * refusal goes out as the Reason Code alone: RFC 5802's `e=` has no packet of MQTT to stand in.
 */

import { Reason } from "../packet/reason_code.ts";
import type { Verdict } from "../policy/identity.ts";
import type { Exchange, Method } from "./method.ts";
import { nodeCrypto } from "./node_crypto.ts";
import type { ScramUser, ScramUsers } from "./scram_keys.ts";
import { hmac, keyLength, sha256 } from "./scram_keys.ts";
import { base64Of, readClientFinal, readClientFirst } from "./scram_message.ts";

export interface ScramOptions {
  readonly users: ScramUsers;
  /** In place of a user who does not exist. */
  readonly standIn: (user: string) => ScramUser;
  /** A new nonce: printable ASCII without a comma, never the same twice. Default: 18 random bytes. */
  readonly nonce?: () => string;
}

/** Its name in SASL and in MQTT. */
export const scramSha256Name = "SCRAM-SHA-256";

/** The method. */
export function scramSha256(options: ScramOptions): Method {
  return { name: scramSha256Name, begin: () => newExchange(options) };
}

/** What was said so far, once the client has said who it is. */
interface Challenge {
  readonly user: ScramUser;
  readonly exists: boolean;
  readonly gs2Header: string;
  readonly nonce: string;
  /** client-first-message-bare and server-first-message, as they are signed. */
  readonly said: string;
}

function newExchange(options: ScramOptions): Exchange {
  let challenge: Challenge | undefined;
  let over = false;
  return {
    step(data) {
      if (over) return refused("its exchange is over");
      if (challenge !== undefined) {
        over = true; // a challenge is good for one answer
        return judge(challenge, data ?? NO_BYTES);
      }
      // The client speaks first; CONNECT need not bring it (RFC 4422 section 5).
      if (data === undefined || data.length === 0) return { type: "continue", data: undefined };
      const result = answerFirst(options, data);
      if (typeof result === "string") {
        over = true;
        return refused(result);
      }
      challenge = result.challenge;
      return { type: "continue", data: TO_BYTES.encode(result.message) };
    },
  };
}

/** server-first-message, RFC 5802 section 5. */
function answerFirst(
  { users, standIn, nonce = randomNonce }: ScramOptions,
  data: Uint8Array,
): { readonly challenge: Challenge; readonly message: string } | string {
  const first = readClientFirst(data);
  if (typeof first === "string") return first;
  const made = standIn(first.user); // always, so that both take the same time
  const found = users.get(first.user);
  const user = found ?? made;
  const whole = first.nonce + nonce();
  const message = `r=${whole},s=${base64Of(user.salt)},i=${user.iterations}`;
  const challenge: Challenge = {
    user,
    exists: found !== undefined,
    gs2Header: first.gs2Header,
    nonce: whole,
    said: `${first.bare},${message}`,
  };
  return { challenge, message };
}

/** Whether the answer proves the password; server-final-message in that case. */
function judge(challenge: Challenge, data: Uint8Array): Verdict {
  const final = readClientFinal(data);
  if (typeof final === "string") return refused(final);
  // Both are as they were, or somebody stood in between (RFC 5802 sections 5.1 and 6).
  if (final.nonce !== challenge.nonce) return refused("its nonce is not that of this exchange");
  if (final.channelBinding !== base64Of(TO_BYTES.encode(challenge.gs2Header))) {
    return refused("its channel binding is not that of its first message");
  }
  if (final.proof.length !== keyLength) return refused(`its proof is not ${keyLength} bytes long`);
  const { user, exists } = challenge;
  const said = `${challenge.said},${final.withoutProof}`;
  const signature = hmac(user.storedKey, said);
  const clientKey = final.proof.map((byte, at) => byte ^ signature[at]!);
  const proven = nodeCrypto().timingSafeEqual(sha256(clientKey), user.storedKey);
  if (!proven || !exists) {
    const name = JSON.stringify(user.user.slice(0, 60));
    return refused(`the user name ${name} or the password is wrong`);
  }
  return {
    type: "accepted",
    identity: { user: user.user, roles: user.roles },
    data: TO_BYTES.encode(`v=${base64Of(hmac(user.serverKey, said))}`),
  };
}

function refused(detail: string): Verdict {
  return {
    type: "refused",
    reason: Reason.notAuthorized,
    detail: `${scramSha256Name}: ${detail}`,
  };
}

function randomNonce(): string {
  return nodeCrypto().randomBytes(18).toString("base64"); // base64 has no comma
}

const NO_BYTES = new Uint8Array(0);
const TO_BYTES = new TextEncoder();
