/**
 * All commands of management, by name: what MQTT, HTTP and the command line offer.
 */

import { bansAdd } from "./bans_add.ts";
import { bansList, keyOfBan, sameBan } from "./bans_list.ts";
import { bansRemove } from "./bans_remove.ts";
import { clusterStatus } from "./cluster_status.ts";
import type { Command } from "./command.ts";
import { drain } from "./drain.ts";
import { eachNode, everywhere, pagesEverywhere, rowsEverywhere } from "./everywhere.ts";
import { health } from "./health.ts";
import { helpOn } from "./help.ts";
import { limitsGet } from "./limits_get.ts";
import { limitsSet } from "./limits_set.ts";
import { listenersList } from "./listeners_list.ts";
import { logLevelGet, logLevelSet } from "./log_level.ts";
import { onNode } from "./on_node.ts";
import { publish } from "./publish.ts";
import { queuesInspect } from "./queues_inspect.ts";
import { queuesPurge } from "./queues_purge.ts";
import { reload } from "./reload.ts";
import { retainedDelete } from "./retained_delete.ts";
import { retainedGet } from "./retained_get.ts";
import { retainedList } from "./retained_list.ts";
import type { RuleSchemas } from "./rule_set.ts";
import { accessRules, autoSubscribeRules } from "./rule_set.ts";
import { rulesList } from "./rules_list.ts";
import { rulesPut } from "./rules_put.ts";
import { rulesRemove } from "./rules_remove.ts";
import { rulesReplace } from "./rules_replace.ts";
import { sessionsDelete } from "./sessions_delete.ts";
import { sessionsGet } from "./sessions_get.ts";
import { sessionsKick } from "./sessions_kick.ts";
import { sessionsList } from "./sessions_list.ts";
import { sessionsProvision } from "./sessions_provision.ts";
import { statistics, together } from "./statistics.ts";
import { subscriptionsAdd } from "./subscriptions_add.ts";
import { keyOfSubscription, subscriptionsList } from "./subscriptions_list.ts";
import { subscriptionsRemove } from "./subscriptions_remove.ts";
import { trace } from "./trace.ts";
import { traceList } from "./trace_list.ts";
import { traceStop } from "./trace_stop.ts";
import { unlessElsewhere, wherever } from "./wherever.ts";
import { why } from "./why.ts";

/** By name, in the order in which `help` lists them. */
export type Commands = ReadonlyMap<string, Command>;

/** Of one client where that is, or of all. */
const subscriptionsListed: Command = {
  ...subscriptionsList,
  run(input, at) {
    const { clientId } = input as { readonly clientId?: string };
    return (clientId === undefined ? ofAll : ofOne).run(input, at);
  },
};
const ofOne = wherever(subscriptionsList, subscriptionsList.run);
const ofAll = pagesEverywhere(
  subscriptionsList,
  "subscriptions",
  ({ clientId, filter }: { clientId: string; filter: string }) =>
    keyOfSubscription(clientId, filter),
);

/** @param schemas of the rules, as the configuration has them */
export function commandsWith(schemas: RuleSchemas): Commands {
  const access = accessRules(schemas);
  const autoSubscribe = autoSubscribeRules(schemas);
  const all: readonly Command[] = [
    pagesEverywhere(sessionsList, "sessions", ({ clientId }: { clientId: string }) => clientId),
    wherever(sessionsGet, sessionsGet.run),
    wherever(sessionsKick),
    wherever(sessionsDelete),
    unlessElsewhere(sessionsProvision),
    subscriptionsListed,
    wherever(subscriptionsAdd),
    wherever(subscriptionsRemove),
    retainedList,
    retainedGet,
    retainedDelete,
    wherever(queuesInspect),
    wherever(queuesPurge),
    pagesEverywhere(bansList, "bans", keyOfBan, sameBan),
    bansAdd,
    bansRemove,
    rulesList(access),
    rulesPut(access),
    rulesRemove(access),
    rulesReplace(access),
    rulesList(autoSubscribe),
    rulesPut(autoSubscribe),
    rulesRemove(autoSubscribe),
    rulesReplace(autoSubscribe),
    limitsGet,
    limitsSet,
    rowsEverywhere(listenersList, "listeners"),
    onNode(reload),
    onNode(logLevelGet),
    onNode(logLevelSet),
    publish,
    everywhere(statistics, together),
    eachNode(health),
    why,
    trace,
    rowsEverywhere(traceList, "traces"),
    onNode(traceStop),
    onNode(drain),
    clusterStatus,
    helpOn(() => commands),
  ];
  const commands: Commands = new Map(all.map((each) => [each.name, each]));
  return commands;
}
