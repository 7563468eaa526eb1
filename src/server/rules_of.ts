/**
 * The part of the configuration that the core needs, as the `Rules` value.
 */

import { AccessList } from "../policy/access_list.ts";
import { compileAutoSubscribe } from "../policy/auto_subscribe.ts";
import { tiersOf } from "../policy/client_limits.ts";
import type { Rules } from "../policy/rules.ts";
import type { Config } from "./config.ts";
import { limitsOf } from "./listener_limits.ts";

/** The rules of a configuration. */
export function rulesOf(config: Config): Rules {
  const listeners = new Map<string, Rules>();
  const rules: Rules = {
    limits: config.limits,
    tiers: tiersOf(config.limitsFor),
    access: new AccessList(config.access),
    administrators: config.administrators,
    autoSubscribe: compileAutoSubscribe(config.autoSubscribe),
    deniedPublish: config.deniedPublish,
    queuePolicy: config.queuePolicy,
    queueQos0: config.queueQos0,
    takeover: config.takeover,
    validatePayloadFormat: config.validatePayloadFormat,
    sharedSubscriptions: config.sharedSubscriptions,
    responseInformation: config.responseInformation,
    persistentSessionExpiryInterval: config.persistentSessionExpiryInterval,
    versions: [3, 4, 5],
    mountPoint: "",
    listeners,
  };
  for (const listener of config.listeners) {
    const { name, mountPoint = "" } = listener;
    if (
      listener.versions === undefined && mountPoint === "" && listener.limits === undefined
    ) continue;
    const versions = listener.versions?.map((name) => VERSIONS[name]) ?? rules.versions;
    const limits = limitsOf(config.limits, listener);
    listeners.set(name, { ...rules, versions, mountPoint, limits });
  }
  return rules;
}

const VERSIONS = { "3.1": 3, "3.1.1": 4, "5.0": 5 } as const;
