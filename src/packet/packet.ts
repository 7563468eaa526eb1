/**
 * The control packets of MQTT 3.1, 3.1.1 and 5.0 as one closed union of immutable values.
 *
 * A version is a parameter of the codec and never a second set of types: what 3.x lacks (properties,
 * Reason Codes) is simply absent or 0 here. Field names are the standard's own, in camelCase.
 *
 * MQTT 5.0 section 3; MQTT 3.1.1 section 3.
 */

import type { ReasonCode } from "./reason_code.ts";

/** The protocol level byte of CONNECT: 3 is MQTT 3.1 (MQIsdp), 4 is 3.1.1, 5 is 5.0. */
export type ProtocolVersion = 3 | 4 | 5;

/** Quality of Service, section 4.3. */
export type QoS = 0 | 1 | 2;

/** 1 to 65,535; 0 stands for "carries none" (a PUBLISH with QoS 0). Section 2.2.1. */
export type PacketId = number;

/** A name and a value, in the order in which they stood in the packet. */
export type UserProperty = readonly [name: string, value: string];

/** The properties of a PUBLISH, section 3.3.2.3; those of a Will are the same less the Topic Alias. */
export interface PublishProperties {
  readonly payloadFormatIndicator?: 0 | 1;
  /** Seconds. */
  readonly messageExpiryInterval?: number;
  readonly topicAlias?: number;
  readonly responseTopic?: string;
  readonly correlationData?: Uint8Array;
  readonly userProperties?: readonly UserProperty[];
  /** More than one only from a server to a client: one for each matching subscription. */
  readonly subscriptionIdentifiers?: readonly number[];
  readonly contentType?: string;
}

/** The properties of CONNECT, section 3.1.2.11. */
export interface ConnectProperties {
  /** Seconds; 0xFFFFFFFF means that the session does not expire. */
  readonly sessionExpiryInterval?: number;
  readonly receiveMaximum?: number;
  readonly maximumPacketSize?: number;
  readonly topicAliasMaximum?: number;
  readonly requestResponseInformation?: 0 | 1;
  readonly requestProblemInformation?: 0 | 1;
  readonly userProperties?: readonly UserProperty[];
  readonly authenticationMethod?: string;
  readonly authenticationData?: Uint8Array;
}

/** The Will of a CONNECT: what the server publishes in the client's stead, section 3.1.3.2. */
export interface WillPacket {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Seconds between the end of the connection and the publication; 0 in 3.x. */
  readonly willDelayInterval: number;
  readonly properties: PublishProperties | undefined;
}

export interface Connect {
  readonly type: "connect";
  readonly protocolVersion: ProtocolVersion;
  readonly clientId: string;
  /** Clean Session in 3.x, Clean Start in 5.0. */
  readonly cleanStart: boolean;
  /** Seconds; 0 turns the mechanism off. */
  readonly keepAlive: number;
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
  readonly will: WillPacket | undefined;
  readonly properties: ConnectProperties | undefined;
}

/** The properties of CONNACK, section 3.2.2.3. */
export interface ConnackProperties {
  readonly sessionExpiryInterval?: number;
  readonly receiveMaximum?: number;
  readonly maximumQoS?: 0 | 1;
  readonly retainAvailable?: 0 | 1;
  readonly maximumPacketSize?: number;
  readonly assignedClientIdentifier?: string;
  readonly topicAliasMaximum?: number;
  readonly reasonString?: string;
  readonly userProperties?: readonly UserProperty[];
  readonly wildcardSubscriptionAvailable?: 0 | 1;
  readonly subscriptionIdentifiersAvailable?: 0 | 1;
  readonly sharedSubscriptionAvailable?: 0 | 1;
  readonly serverKeepAlive?: number;
  readonly responseInformation?: string;
  readonly serverReference?: string;
  readonly authenticationMethod?: string;
  readonly authenticationData?: Uint8Array;
}

export interface Connack {
  readonly type: "connack";
  readonly sessionPresent: boolean;
  /** For 3.x the encoder writes the return code that `reason_code.ts` maps it to. */
  readonly reasonCode: ReasonCode;
  readonly properties: ConnackProperties | undefined;
}

export interface Publish {
  readonly type: "publish";
  readonly topic: string;
  /** A view on the bytes that were read: whoever keeps it beyond the turn copies it. */
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
  readonly packetId: PacketId;
  readonly properties: PublishProperties | undefined;
}

/** The properties of PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK and UNSUBACK. */
export interface AcknowledgementProperties {
  readonly reasonString?: string;
  readonly userProperties?: readonly UserProperty[];
}

interface Acknowledgement<Type extends string> {
  readonly type: Type;
  readonly packetId: PacketId;
  /** Always 0 in 3.x. */
  readonly reasonCode: ReasonCode;
  readonly properties: AcknowledgementProperties | undefined;
}

export type Puback = Acknowledgement<"puback">;
export type Pubrec = Acknowledgement<"pubrec">;
export type Pubrel = Acknowledgement<"pubrel">;
export type Pubcomp = Acknowledgement<"pubcomp">;

/** Options of one subscription, section 3.8.3.1. In 3.x only `qos` is sent; the rest is 0 or false. */
export interface SubscriptionOptions {
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: 0 | 1 | 2;
  /** 1 to 268,435,455, or undefined where the SUBSCRIBE carried none. */
  readonly subscriptionIdentifier: number | undefined;
}

export interface SubscriptionRequest {
  /** As it stood in the packet, `$share/…` included; not yet checked for well-formedness. */
  readonly filter: string;
  readonly options: SubscriptionOptions;
}

export interface Subscribe {
  readonly type: "subscribe";
  readonly packetId: PacketId;
  readonly subscriptions: readonly SubscriptionRequest[];
  readonly userProperties: readonly UserProperty[] | undefined;
}

export interface Suback {
  readonly type: "suback";
  readonly packetId: PacketId;
  /** One for each filter of the SUBSCRIBE; for 3.x the encoder writes 0x80 for every refusal. */
  readonly reasonCodes: readonly ReasonCode[];
  readonly properties: AcknowledgementProperties | undefined;
}

export interface Unsubscribe {
  readonly type: "unsubscribe";
  readonly packetId: PacketId;
  readonly filters: readonly string[];
  readonly userProperties: readonly UserProperty[] | undefined;
}

export interface Unsuback {
  readonly type: "unsuback";
  readonly packetId: PacketId;
  /** One for each filter of the UNSUBSCRIBE; not sent to 3.x clients. */
  readonly reasonCodes: readonly ReasonCode[];
  readonly properties: AcknowledgementProperties | undefined;
}

export interface Pingreq {
  readonly type: "pingreq";
}

export interface Pingresp {
  readonly type: "pingresp";
}

/** The properties of DISCONNECT, section 3.14.2.2. */
export interface DisconnectProperties {
  readonly sessionExpiryInterval?: number;
  readonly reasonString?: string;
  readonly userProperties?: readonly UserProperty[];
  readonly serverReference?: string;
}

export interface Disconnect {
  readonly type: "disconnect";
  readonly reasonCode: ReasonCode;
  readonly properties: DisconnectProperties | undefined;
}

/** The properties of AUTH, section 3.15.2.2. */
export interface AuthProperties {
  readonly authenticationMethod?: string;
  readonly authenticationData?: Uint8Array;
  readonly reasonString?: string;
  readonly userProperties?: readonly UserProperty[];
}

export interface Auth {
  readonly type: "auth";
  readonly reasonCode: ReasonCode;
  readonly properties: AuthProperties | undefined;
}

/** Every control packet; `type` tells which. */
export type Packet =
  | Connect
  | Connack
  | Publish
  | Puback
  | Pubrec
  | Pubrel
  | Pubcomp
  | Subscribe
  | Suback
  | Unsubscribe
  | Unsuback
  | Pingreq
  | Pingresp
  | Disconnect
  | Auth;
