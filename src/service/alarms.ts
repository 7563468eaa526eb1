/**
 * What should bring somebody to look: a closed table of states, each true or not at a look, with words for why.
 * Pure: what was raised and cleared is a difference of two looks.
 */

import type { OwnMessage } from "../broker/publish_own.ts";
import type { Instant } from "../policy/identity.ts";
import type { Seen } from "./seen.ts";

interface Alarm {
  /** What it means, for README and metrics. */
  readonly meaning: string;
  /** Why it is active; undefined where it is not. */
  readonly reason: (seen: Seen, before: Before) => string | undefined;
}

/** What an alarm needs of the look before; the tables of that look are those of this one. */
interface Before {
  readonly heldBack: number;
  readonly clientEventsDropped: number;
}

/** Tables count as full from this part of their limit on: then there is time to do something. */
const NEARLY = 0.95;

function nearly(count: number, limit: number, name: string): string | undefined {
  return count < limit * NEARLY ? undefined : `${count} of ${name}, which is ${limit}`;
}

/** All of them; a name is the last level of `$SYS/broker/alarms/{name}`. */
export const alarms = {
  storeFull: {
    meaning: "the store has no room: QoS 1 and 2 are refused or held back",
    reason: ({ statistics }) => statistics.storeFull ? statistics.storeTrouble : undefined,
  },
  storeUnreachable: {
    meaning: "the Redis that keeps everything does not answer: QoS 1 and 2 wait",
    reason: ({ cluster }) => cluster?.unreachable,
  },
  storeDamaged: {
    meaning: "the store was damaged at start and set aside; active until the next start",
    reason: ({ statistics: { storeDamage } }) =>
      storeDamage && `${storeDamage.reason}: set aside as ${storeDamage.path}`,
  },
  connectionsAtLimit: {
    meaning: "hardly any room for more connections, or for their file descriptors",
    reason: ({ tables, mostConnections }) =>
      nearly(tables.connections.size, mostConnections, "maximumConnections"),
  },
  sessionsAtLimit: {
    meaning: "hardly any room for more sessions",
    reason: ({ tables }) =>
      nearly(tables.clients.size, tables.rules.limits.maximumSessions, "maximumSessions"),
  },
  queuesAtLimit: {
    meaning: "all queues together are nearly full",
    reason: ({ tables }) => {
      const { queuedMessages, queuedBytes } = tables.rules.limits;
      return nearly(tables.queuedMessages, queuedMessages, "queuedMessages") ??
        nearly(tables.queuedBytes, queuedBytes, "queuedBytes");
    },
  },
  retainedAtLimit: {
    meaning: "hardly any room for more retained messages",
    reason: ({ tables }) => {
      const { retainedMessages, retainedBytes } = tables.rules.limits;
      return nearly(tables.retained.size, retainedMessages, "retainedMessages") ??
        nearly(tables.retainedBytes, retainedBytes, "retainedBytes");
    },
  },
  eventLoopDelay: {
    meaning: "the broker is late with everything by more than eventLoopAlarm",
    reason: ({ eventLoopDelay, tables }) => {
      const { eventLoopAlarm } = tables.rules.limits;
      if (eventLoopDelay <= eventLoopAlarm) return undefined;
      return `${Math.round(eventLoopDelay)} ms, eventLoopAlarm is ${eventLoopAlarm}`;
    },
  },
  memory: {
    meaning: "the process has more memory than memoryAlarm",
    reason: ({ memory, tables }) => {
      const { memoryAlarm } = tables.rules.limits;
      if (memoryAlarm === 0 || memory.resident <= memoryAlarm) return undefined;
      return `${memory.resident} bytes, memoryAlarm is ${memoryAlarm}`;
    },
  },
  publishersHeldBack: {
    meaning: "publishers are not read, as the store does not keep up, at two looks in a row",
    reason: ({ tables: { heldBack } }, before) => {
      if (heldBack.size === 0 || before.heldBack === 0) return undefined;
      return `${heldBack.size} connections wait for the store`;
    },
  },
  clientEventsDropped: {
    meaning: "there are more client events than clientEventsPerSecond",
    reason: ({ statistics }, before) => {
      const dropped = statistics.clientEventsDropped - before.clientEventsDropped;
      return dropped === 0 ? undefined : `${dropped} since the last look`;
    },
  },
} as const satisfies Readonly<Record<string, Alarm>>;

export type AlarmName = keyof typeof alarms;

export const alarmNames = Object.keys(alarms) as readonly AlarmName[];

/** An alarm that is active. */
export interface Active {
  readonly reason: string;
  readonly since: Instant;
}

/** The alarms after a look. */
export interface Alarms extends Before {
  readonly active: ReadonlyMap<AlarmName, Active>;
}

/** Before the first look. */
export const NO_ALARMS: Alarms = { active: new Map(), heldBack: 0, clientEventsDropped: 0 };

/** The alarms now; one that goes on keeps the time and the words that it was raised with. */
export function look(before: Alarms, seen: Seen): Alarms {
  const active = new Map<AlarmName, Active>();
  for (const name of alarmNames) {
    const reason = alarms[name].reason(seen, before);
    if (reason === undefined) continue;
    active.set(name, before.active.get(name) ?? { reason, since: seen.now });
  }
  const { clientEventsDropped } = seen.statistics;
  return { active, heldBack: seen.tables.heldBack.size, clientEventsDropped };
}

/** An alarm that was raised or cleared. */
export interface Change {
  readonly name: AlarmName;
  readonly active: boolean;
  /** Why it is, or was, active. */
  readonly reason: string;
  readonly since: Instant;
}

/** What was raised and cleared between two looks, the second one at `now`. */
export function changes(before: Alarms, after: Alarms, now: Instant): readonly Change[] {
  const found: Change[] = [];
  for (const name of alarmNames) {
    const was = before.active.get(name), is = after.active.get(name);
    if (was === undefined && is !== undefined) found.push({ name, active: true, ...is });
    if (was !== undefined && is === undefined) {
      found.push({ name, active: false, reason: was.reason, since: now });
    }
  }
  return found;
}

/** The retained message about it: JSON, `since` in milliseconds since 1970. */
export function alarmMessage({ name, ...state }: Change): OwnMessage {
  const payload = new TextEncoder().encode(JSON.stringify({ name, ...state }));
  return { topic: `$SYS/broker/alarms/${name}`, payload };
}
