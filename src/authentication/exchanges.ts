/**
 * The exchanges that are under way, one for each connection at most. MQTT 5.0 section 4.12.
 *
 * A mutable island: whoever performs `authenticate` owns it, and forgets a connection that has gone.
 */

import { Reason } from "../packet/reason_code.ts";
import type { ConnectionId, Credentials, Verdict } from "../policy/identity.ts";
import type { Authenticator } from "./authenticator.ts";
import type { Exchange } from "./method.ts";

export class Exchanges {
  readonly #authenticator: Authenticator;
  readonly #underWay = new Map<ConnectionId, Exchange>();

  constructor(authenticator: Authenticator) {
    this.#authenticator = authenticator;
  }

  /** How many are under way. */
  get size(): number {
    return this.#underWay.size;
  }

  /**
   * The verdict on a step. One that rejects or throws is a refusal, as nothing is proven then.
   *
   * @param step `first` begins anew, whatever was under way
   */
  verdictOn(
    connection: ConnectionId,
    step: "first" | "next",
    credentials: Credentials,
  ): Verdict | Promise<Verdict> {
    try {
      const verdict = this.#ask(connection, step, credentials);
      if (!(verdict instanceof Promise)) return this.#noted(connection, verdict);
      return verdict.catch(unavailable).then((verdict) => this.#noted(connection, verdict));
    } catch (error) {
      return this.#noted(connection, unavailable(error));
    }
  }

  /** Drops the exchange of a connection, if there is one. */
  forget(connection: ConnectionId): void {
    this.#underWay.delete(connection);
  }

  #ask(
    connection: ConnectionId,
    step: "first" | "next",
    credentials: Credentials,
  ): Verdict | Promise<Verdict> {
    const { authenticationMethod: method, authenticationData: data } = credentials;
    if (method === undefined) return this.#authenticator.verify(credentials);
    if (step === "first") {
      const exchange = this.#authenticator.begin?.(credentials);
      if (exchange === undefined) { // [MQTT-4.12.0-1]
        const detail = `authentication method ${
          JSON.stringify(method.slice(0, 64))
        } is not on offer`;
        return {
          type: "refused",
          reason: Reason.badAuthenticationMethod,
          detail,
          told: detail,
        };
      }
      this.#underWay.set(connection, exchange);
    }
    const exchange = this.#underWay.get(connection);
    if (exchange === undefined) return unavailable("its authentication is not under way");
    return exchange.step(data);
  }

  /** Only what is to be continued is kept. */
  #noted(connection: ConnectionId, verdict: Verdict): Verdict {
    if (verdict.type !== "continue") this.#underWay.delete(connection);
    return verdict;
  }
}

function unavailable(error: unknown): Verdict {
  // What was thrown may name servers, paths and queries: it is for the log.
  return {
    type: "refused",
    reason: Reason.serverUnavailable,
    detail: String(error).slice(0, 200),
    told: "who the client is could not be found out",
  };
}
