/**
 * The services of the broker, each of which answers below a topic of its own.
 */

import { brokerService } from "../service/management/broker_service.ts";
import type { Commands } from "../service/management/commands.ts";
import { commandsWith } from "../service/management/commands.ts";
import { managementService } from "../service/management/management_service.ts";
import type { Service } from "../service/service.ts";
import { accessRuleSchema } from "./config_access.ts";
import { autoSubscribeRuleSchema } from "./config_auto_subscribe.ts";

/** The commands of management: what MQTT, HTTP and `dunlin ctl` offer. */
export const managementCommands: Commands = commandsWith({
  accessRule: accessRuleSchema,
  autoSubscribeRule: autoSubscribeRuleSchema,
});

/**
 * All services; the first whose topic it is takes a request.
 *
 * @param more what the configuration asks for, such as dynamic security
 */
export function servicesOf(more: readonly Service[]): readonly Service[] {
  const services: Service[] = [
    managementService(managementCommands),
    ...more,
    brokerService(() => services),
  ];
  return services;
}
