/**
 * Answers of a verifier that are good for a while, so that a client that comes back, or one that tries the
 * same wrong password all the time, costs its server nothing.
 *
 * Kept under a keyed hash of all that the answer may depend on: no password is kept. What could not be
 * found out is not kept.
 */

import type { Credentials, Instant } from "../policy/identity.ts";
import { hostOf } from "../policy/ip_address.ts";
import type { Answer, Verifier } from "./chain.ts";
import { isPassing } from "./chain.ts";
import { nodeCrypto } from "./node_crypto.ts";
import { Recent } from "./recent.ts";

export interface CacheOptions {
  /** Milliseconds that a yes is good for, and a no or a "does not know"; 0: not at all. */
  readonly positive: number;
  readonly negative: number;
  /** Answers at most. */
  readonly most: number;
  readonly now: () => Instant;
}

/** The same verifier with a cache before it. */
export function cached(verifier: Verifier, options: CacheOptions): Verifier {
  const { positive, negative, most, now } = options;
  // Apart, so that a flood of wrong passwords does not push out what is right.
  const yes = new Recent<Answer>(most, now);
  const no = new Recent<Answer>(most, now);
  const underWay = new Map<string, Promise<Answer>>();
  const secret = nodeCrypto().randomBytes(32);
  return {
    name: verifier.name,
    verify(credentials: Credentials): Answer | Promise<Answer> {
      const key = keyOf(secret, credentials);
      const known = yes.get(key) ?? no.get(key) ?? underWay.get(key);
      if (known !== undefined) return known;
      const answer = verifier.verify(credentials);
      if (!(answer instanceof Promise)) return answer; // it cost nothing
      const kept = answer.then((answer) => keep(key, answer)).finally(() => underWay.delete(key));
      underWay.set(key, kept); // those who ask the same meanwhile get the same answer
      return kept;
    },
    close: () => verifier.close?.(),
  };

  function keep(key: string, answer: Answer): Answer {
    if (answer.type === "accepted") {
      if (positive > 0) {
        yes.set(key, answer, Math.min(now() + positive, answer.expiresAt ?? Infinity));
      }
    } else if (negative > 0 && !isPassing(answer)) {
      no.set(key, answer, now() + negative);
    }
    return answer;
  }
}

/** Every part with its length before it, so that no two clients have the same text. */
function keyOf(secret: Uint8Array, { username, password, clientId, peer }: Credentials): string {
  const hmac = nodeCrypto().createHmac("sha256", secret);
  const parts = [username, clientId, hostOf(peer.address) ?? "", peer.listener];
  for (const part of parts) hmac.update(part === undefined ? "-" : `${part.length} ${part}`);
  if (password !== undefined) hmac.update("+").update(password);
  return hmac.digest("base64");
}
