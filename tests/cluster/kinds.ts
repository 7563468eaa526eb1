/**
 * What becomes of the kinds of writes in the shared state: which of them every node hears of, and what number
 * of a message they carry.
 */

import type { AnyWrite } from "../../src/session/cluster_write.ts";
import type { Order } from "../../src/session/message.ts";

/** Every node keeps it in its tables: it goes into the log. */
export function isReplicated(write: AnyWrite): boolean {
  switch (write.type) {
    case "putSession":
    case "deleteSession":
    case "putSubscription":
    case "deleteSubscription":
    case "putRetained":
    case "deleteRetained":
    case "deleteWill":
    case "putSetting":
    case "deleteSetting":
    case "announce":
    case "release":
      return true;
    case "putWill":
      return write.will.publishAt !== Infinity;
    default:
      return false;
  }
}

/** Its node hears of it, too, so that the last one is the same everywhere. */
export function isRetained({ type }: AnyWrite): boolean {
  return type === "putRetained" || type === "deleteRetained";
}

/** Of the message in it, or 0. */
export function highestOf(write: AnyWrite): Order {
  switch (write.type) {
    case "putRetained":
    case "putDelayed":
    case "forward":
    case "share":
      return write.message.order;
    case "putQueued":
    case "post":
      return write.delivery.message.order;
    case "putInflight":
      return write.inflight.delivery?.message.order ?? 0;
    default:
      return 0;
  }
}
