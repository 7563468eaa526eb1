/**
 * What a trace follows, as questions about clients, addresses and topics.
 */

import type { Cidr } from "../../policy/cidr.ts";
import { contains, parseCidr } from "../../policy/cidr.ts";
import type { ClientId } from "../../policy/identity.ts";
import { matches } from "../../topic/matches.ts";
import { parseTopicFilter } from "../../topic/topic_filter.ts";
import type { Followed } from "./trace_start.ts";

export interface Follower {
  isClient(clientId: ClientId): boolean;
  isAddress(address: string): boolean;
  isTopic(topic: string): boolean;
  /** Connections are followed, and not topics. */
  readonly connections: boolean;
}

/** Why nothing can be followed by that; undefined where it can. */
export function followProblem(followed: Followed, topicLevels: number): string | undefined {
  if ("topic" in followed) {
    const parsed = parseTopicFilter(followed.topic, topicLevels);
    if (typeof parsed === "string") return `topic: ${parsed}`;
    return parsed.shareName === undefined ? undefined : "topic: expected a filter without $share";
  }
  if (!("address" in followed) || isPath(followed.address)) return undefined;
  const range = parseCidr(followed.address);
  return typeof range === "string" ? `address: ${range}` : undefined;
}

/** The questions; of what `followProblem` finds nothing wrong with. */
export function followerOf(followed: Followed): Follower {
  const no = () => false;
  if ("clientId" in followed) {
    const isClient = (clientId: ClientId) => clientId === followed.clientId;
    return { isClient, isAddress: no, isTopic: no, connections: true };
  }
  if ("topic" in followed) {
    const isTopic = (topic: string) => topic !== "" && matches(followed.topic, topic);
    return { isClient: no, isAddress: no, isTopic, connections: false };
  }
  const { address } = followed;
  if (isPath(address)) {
    return { isClient: no, isAddress: (text) => text === address, isTopic: no, connections: true };
  }
  const range = parseCidr(address) as Cidr;
  const isAddress = (text: string) => contains(range, text);
  return { isClient: no, isAddress, isTopic: no, connections: true };
}

/** The path of a Unix socket. */
function isPath(address: string): boolean {
  return address.startsWith("/");
}
