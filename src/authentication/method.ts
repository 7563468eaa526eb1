/**
 * What an enhanced authentication method is: a name, and exchanges of Authentication Data one after
 * another. MQTT 5.0 section 4.12. Which packet carries them is not its concern.
 */

import type { Credentials, Verdict } from "../policy/identity.ts";

export interface Method {
  /** The Authentication Method that clients name in CONNECT; compared letter by letter. */
  readonly name: string;
  /** A new exchange, for a CONNECT or for a re-authentication. It does not look at the data yet. */
  begin(credentials: Credentials): Exchange;
}

/** One authentication of one client. It keeps what it has to know of the steps before. */
export interface Exchange {
  /**
   * The verdict on the next Authentication Data of the client, undefined where its packet had none: those
   * of CONNECT or AUTH 0x19 first, then those of each AUTH 0x18. Asked again only after `continue`, and
   * never before it has answered. Does not reject.
   */
  step(data: Uint8Array | undefined): Verdict | Promise<Verdict>;
}
