/**
 * Who proves identities: one interface, the one that lets anonymous clients in, and how methods of
 * enhanced authentication join it. Ways to know a client are in chain.ts.
 */

import { Reason } from "../packet/reason_code.ts";
import type { Credentials, Verdict } from "../policy/identity.ts";
import { ANONYMOUS } from "../policy/identity.ts";
import type { Exchange, Method } from "./method.ts";

export interface Authenticator {
  /** On a CONNECT without Authentication Method: at once where nobody else is needed. Does not reject. */
  verify(credentials: Credentials): Verdict | Promise<Verdict>;
  /** An exchange of the Authentication Method that the credentials name; undefined: it is not on offer. */
  begin?(credentials: Credentials): Exchange | undefined;
  /** Ends what it does on its own, such as watching a file. */
  close?(): void;
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

/**
 * The same authenticator with methods of enhanced authentication on offer.
 *
 * @throws RangeError where two methods have one name
 */
export function withMethods(plain: Authenticator, methods: readonly Method[]): Authenticator {
  const byName = new Map(methods.map((method) => [method.name, method]));
  if (byName.size < methods.length) {
    const names = methods.map(({ name }) => name).join(", ");
    throw new RangeError(`each authentication method has a name of its own; found ${names}`);
  }
  return {
    verify: (credentials) => plain.verify(credentials),
    begin: (credentials) => byName.get(credentials.authenticationMethod ?? "")?.begin(credentials),
    close: () => plain.close?.(),
  };
}
