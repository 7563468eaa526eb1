/**
 * `$delayed/{seconds}/{topic}`: a PUBLISH that is to be routed to `topic` only after that time. No part
 * of the standard; the name and form are those that EMQX and RMQTT use.
 */

import type { TopicName } from "./topic_name.ts";

export interface Delayed {
  readonly seconds: number;
  readonly topic: TopicName;
}

/**
 * Takes such a topic apart.
 *
 * @param topic begins with `$delayed/`
 * @param maximumDelay seconds
 * @returns the parts, or in words what is wrong
 */
export function parseDelayed(topic: TopicName, maximumDelay: number): Delayed | string {
  const parts = /^\$delayed\/([0-9]{1,10})\/(.+)$/su.exec(topic);
  if (parts === null) return `"${topic}" is not of the form $delayed/{seconds}/{topic}`;
  const seconds = Number(parts[1]);
  if (seconds > maximumDelay) {
    return `a delay of ${seconds} s; at most ${maximumDelay} s is allowed`;
  }
  return { seconds, topic: parts[2]! };
}
