/**
 * Which listeners of another configuration go on, which sockets they go on with, and what is new or no more.
 * Pure: whoever reloads does it.
 *
 * A listener goes on where name, type and place are the same: its connections stay. A socket goes on where
 * the place is the same, whatever listens there by then, so that no port is closed and opened again.
 */

import type { ListenerConfig } from "./config.ts";
import { socketOf } from "./config_quic.ts";
import { addressesCollide } from "./loopback.ts";

/** Where a listener of the new configuration gets its socket from. */
export interface Placement {
  readonly config: ListenerConfig;
  /** The number of the old listener whose socket it takes over; undefined: it opens one. */
  readonly from: number | undefined;
  /** It is that listener still: its connections stay. */
  readonly goesOn: boolean;
}

export interface ListenerPlan {
  /** In the order of the new configuration. */
  readonly placements: readonly Placement[];
  /** Numbers of old listeners whose sockets are closed. */
  readonly closed: readonly number[];
  /** Names of old listeners whose connections are closed. */
  readonly ended: readonly string[];
}

/** What is to be done to get from these listeners to those. */
export function planListeners(
  before: readonly ListenerConfig[],
  after: readonly ListenerConfig[],
): ListenerPlan {
  const free = new Set(before.keys());
  const take = (isIt: (old: ListenerConfig) => boolean): number | undefined => {
    for (const at of free) {
      if (!isIt(before[at]!)) continue;
      free.delete(at);
      return at;
    }
    return undefined;
  };
  const stay = after.map((config) => take((old) => isSame(old, config)));
  const goingOn = new Set(stay);
  const placements = after.map((config, at): Placement => {
    if (stay[at] !== undefined) return { config, from: stay[at], goesOn: true };
    return { config, from: take((old) => isFixed(old) && samePlace(old, config)), goesOn: false };
  });
  const ended = before.filter((_, at) => !goingOn.has(at)).map(({ name }) => name);
  return { placements, closed: [...free], ended };
}

/** Whether the one has to be closed before the other can listen. */
export function standsInTheWay(old: ListenerConfig, config: ListenerConfig): boolean {
  if (old.type === "unix" || config.type === "unix") return false;
  return socketOf(old.type) === socketOf(config.type) && old.port === config.port &&
    config.port !== 0 &&
    addressesCollide(old.address, config.address);
}

function isSame(old: ListenerConfig, config: ListenerConfig): boolean {
  return old.name === config.name && old.type === config.type && samePlace(old, config);
}

function samePlace(old: ListenerConfig, config: ListenerConfig): boolean {
  if (old.type === "unix" || config.type === "unix") {
    return old.type === "unix" && config.type === "unix" && old.path === config.path;
  }
  return socketOf(old.type) === socketOf(config.type) && old.port === config.port &&
    old.address === config.address;
}

/** Whether it names its place, which one on any free port does not. */
function isFixed(config: ListenerConfig): boolean {
  return config.type === "unix" || config.port !== 0;
}
