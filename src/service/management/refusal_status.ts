/**
 * The HTTP status that goes with each reason of a refusal: RFC 9110 section 15. The reason stands in the body
 * as well, as several of them share a status.
 */

import type { RefusalReason } from "../service.ts";

export const refusalStatus = {
  badRequest: 400,
  replyTooLarge: 400,
  notPermitted: 403,
  notFound: 404,
  unknownCommand: 404,
  conflict: 409,
  limit: 409,
  requestTooLarge: 413,
  tooManyRequests: 429,
  failed: 500,
  unavailable: 501,
} as const satisfies Readonly<Record<RefusalReason, number>>;
