/**
 * The commands of management for the HTTP of administration: the broker's own authenticators, rules and
 * services put behind its routes.
 */

import type { Part } from "../admin/app.ts";
import { management } from "../admin/management.ts";
import type { Authenticator } from "../authentication/authenticator.ts";
import { permits } from "../policy/permits.ts";
import { openApi } from "../service/management/open_api.ts";
import type { Config } from "./config.ts";
import type { RunningBroker } from "./core.ts";
import { managementCommands } from "./services.ts";

export interface ManagementOverHttp {
  /** None where the configuration does not ask for it. */
  readonly parts: readonly Part[];
  /** Bytes of the body of a request at most, at this moment. */
  requestSize(): number;
  /** The broker is there, under the configuration that holds at each moment: requests are performed. */
  begin(running: Pick<RunningBroker, "broker" | "control">, config: () => Config): void;
}

/**
 * Management for HTTP, which answers 503 until it has begun.
 *
 * @param first the configuration at start
 * @param version of the program
 */
export function managementOverHttp(
  first: Config,
  authenticator: Authenticator,
  version: string,
): ManagementOverHttp {
  let running: Pick<RunningBroker, "broker" | "control"> | undefined;
  let config = () => first;
  let document: string | undefined;
  const part = management({
    authenticate: (credentials) => authenticator.verify(credentials),
    bearerIn: () => config().authentication.jwt?.from ?? "password",
    document: () => document ??= JSON.stringify(openApi(managementCommands, version)),
    control() {
      if (running === undefined) return undefined;
      const { broker, control } = running;
      return {
        admits: (identity) => permits(broker.snapshot().rules, identity, "connect", "").permitted,
        ask: (request, done) => control.ask(request, done),
      };
    },
  });
  return {
    parts: first.admin?.management === true ? [part] : [],
    requestSize: () =>
      running?.broker.snapshot().rules.limits.managementRequest ?? first.limits.managementRequest,
    begin(broker, holding) {
      running = broker;
      config = holding;
    },
  };
}
