/**
 * The frames of one message on its way out: one for each wire shape that is met, shared by all
 * subscribers of that shape.
 */

import type { QoS } from "../packet/packet.ts";
import type { PublishFrame } from "../packet/publish_frame.ts";
import { encodePublish } from "../packet/publish_frame.ts";
import type { Delivery } from "../session/message.ts";
import { publishOf } from "../session/message.ts";

/** More shapes of one message than this are not remembered, but encoded anew. */
const REMEMBERED = 16;

interface Known {
  readonly version: 4 | 5;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly identifiers: readonly number[] | undefined;
  readonly frame: PublishFrame;
}

export type Frames = Known[];

/** The frame of a delivery for a version; the packet id in it is left open. */
export function frameOf(
  frames: Frames,
  delivery: Delivery,
  version: 4 | 5,
  now: number,
): PublishFrame {
  const { qos, retain, subscriptionIdentifiers: identifiers } = delivery;
  for (let i = 0; i < frames.length; i++) {
    const known = frames[i]!;
    if (
      known.version === version && known.qos === qos && known.retain === retain &&
      (version === 4 || known.identifiers === identifiers)
    ) return known.frame;
  }
  const frame = encodePublish(publishOf(delivery, 0, false, now), version);
  if (frames.length < REMEMBERED) frames.push({ version, qos, retain, identifiers, frame });
  return frame;
}
