/**
 * Who proves identities: one interface, and the one that lets anonymous clients in. Password files,
 * tokens and certificates join it with the issue that brings them.
 */

import { Reason } from "../packet/reason_code.ts";
import type { Credentials, Verdict } from "../policy/identity.ts";
import { ANONYMOUS } from "../policy/identity.ts";

export interface Authenticator {
  /** The verdict, at once where it needs nobody else. Does not reject. */
  verify(credentials: Credentials): Verdict | Promise<Verdict>;
}

/**
 * Lets everybody in, as anonymous, on listeners that allow it; a user name that is sent proves nothing
 * and is not taken for an identity. MQTT 5.0 section 5.4.1.
 */
export const anonymousOnly: Authenticator = {
  verify({ peer }) {
    if (peer.anonymousAllowed) return { type: "accepted", identity: ANONYMOUS };
    return {
      type: "refused",
      reason: Reason.notAuthorized,
      detail: `listener "${peer.listener}" does not allow anonymous clients (allowAnonymous)`,
    };
  },
};
