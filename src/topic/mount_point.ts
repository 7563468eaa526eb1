/**
 * Mount points: the part of the tree of topics that the clients of a listener see as the whole. Their names
 * and filters get it in front when they come in, and lose it when messages go out. No part of the standard;
 * named as in mosquitto.
 */

import type { TopicName } from "./topic_name.ts";

/** Ends in a slash and holds no wildcard; "" where there is none. */
export type MountPoint = string;

/**
 * The Topic Name that a client of a mount point means: of `$delayed/{seconds}/{topic}` it is the topic that is
 * below it. What begins with `$` otherwise is an ordinary topic there.
 */
export function mountName(mountPoint: MountPoint, name: TopicName): TopicName {
  const delay = delayOf(name);
  return delay + mountPoint + name.slice(delay.length);
}

/** The Topic Name as a client of the mount point would write it; undefined where it cannot mean that one. */
export function unmountName(mountPoint: MountPoint, name: TopicName): TopicName | undefined {
  const delay = delayOf(name);
  const rest = name.slice(delay.length);
  return isMounted(mountPoint, rest) ? delay + rest.slice(mountPoint.length) : undefined;
}

/** What stands in front of the topic that is meant. */
function delayOf(name: TopicName): string {
  return name.charCodeAt(0) !== DOLLAR ? "" : /^(?:\$delayed\/[0-9]{1,10}\/)*/u.exec(name)![0];
}

/**
 * The Topic Filter that it means: of `$share/{ShareName}/{filter}` it is the filter that is below the mount
 * point. What is no Topic Filter becomes none by this.
 */
export function mountFilter(mountPoint: MountPoint, filter: string): string {
  if (filter === "" || filter === "$share") return filter;
  if (!filter.startsWith("$share/")) return mountPoint + filter;
  const at = filter.indexOf("/", "$share/".length) + 1;
  return at === 0 || at === filter.length
    ? filter
    : filter.slice(0, at) + mountPoint + filter.slice(at);
}

/** Whether messages of that topic may be seen from the mount point: `a/#` matches `a` as well, which may not. */
export function isMounted(mountPoint: MountPoint, name: TopicName): boolean {
  return name.length > mountPoint.length && name.startsWith(mountPoint);
}

const DOLLAR = 0x24;
