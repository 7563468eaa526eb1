/**
 * Reason Codes by the names that the standard gives them, and what they become for 3.x clients.
 *
 * MQTT 5.0 section 2.4; the CONNACK return codes of MQTT 3.1.1 section 3.2.2.3.
 */

/** One byte; below 0x80 is success. */
export type ReasonCode = number;

/** The Reason Codes of MQTT 5.0 section 2.4, table 2-6. */
export const Reason = {
  success: 0x00,
  normalDisconnection: 0x00,
  grantedQoS0: 0x00,
  grantedQoS1: 0x01,
  grantedQoS2: 0x02,
  disconnectWithWillMessage: 0x04,
  noMatchingSubscribers: 0x10,
  noSubscriptionExisted: 0x11,
  continueAuthentication: 0x18,
  reauthenticate: 0x19,
  unspecifiedError: 0x80,
  malformedPacket: 0x81,
  protocolError: 0x82,
  implementationSpecificError: 0x83,
  unsupportedProtocolVersion: 0x84,
  clientIdentifierNotValid: 0x85,
  badUserNameOrPassword: 0x86,
  notAuthorized: 0x87,
  serverUnavailable: 0x88,
  serverBusy: 0x89,
  banned: 0x8a,
  serverShuttingDown: 0x8b,
  badAuthenticationMethod: 0x8c,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  packetIdentifierInUse: 0x91,
  packetIdentifierNotFound: 0x92,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  messageRateTooHigh: 0x96,
  quotaExceeded: 0x97,
  administrativeAction: 0x98,
  payloadFormatInvalid: 0x99,
  retainNotSupported: 0x9a,
  qosNotSupported: 0x9b,
  useAnotherServer: 0x9c,
  serverMoved: 0x9d,
  sharedSubscriptionsNotSupported: 0x9e,
  connectionRateExceeded: 0x9f,
  maximumConnectTime: 0xa0,
  subscriptionIdentifiersNotSupported: 0xa1,
  wildcardSubscriptionsNotSupported: 0xa2,
} as const satisfies Readonly<Record<string, ReasonCode>>;

const NAMES: ReadonlyMap<ReasonCode, string> = new Map(
  Object.entries(Reason).reverse().map(([name, code]) => [code, name]),
);

/** The standard's name of a Reason Code in camelCase, or its number in hexadecimal. */
export function reasonName(code: ReasonCode): string {
  return NAMES.get(code) ?? `0x${code.toString(16).padStart(2, "0")}`;
}

/** The CONNACK return code (0 to 5) that tells a 3.x client the same as this Reason Code. */
export function connackReturnCode(code: ReasonCode): number {
  switch (code) {
    case Reason.success:
      return 0;
    case Reason.unsupportedProtocolVersion:
      return 1;
    case Reason.clientIdentifierNotValid:
      return 2;
    case Reason.badUserNameOrPassword:
    case Reason.badAuthenticationMethod:
      return 4;
    case Reason.notAuthorized:
    case Reason.banned:
      return 5;
    default:
      return 3;
  }
}
