/**
 * The part of the configuration that the core needs, as the `Rules` value.
 */

import type { Rules } from "../policy/rules.ts";
import type { Config } from "./config.ts";

/** The rules of a configuration. */
export function rulesOf(config: Config): Rules {
  return {
    limits: config.limits,
    queuePolicy: config.queuePolicy,
    queueQos0: config.queueQos0,
    takeover: config.takeover,
    validatePayloadFormat: config.validatePayloadFormat,
    sharedSubscriptions: config.sharedSubscriptions,
    responseInformation: config.responseInformation,
    persistentSessionExpiryInterval: config.persistentSessionExpiryInterval,
  };
}
