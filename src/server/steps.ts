/**
 * What a listener of the configuration puts before MQTT, in the order of the bytes: the header of a proxy,
 * then an upgrade to WebSocket.
 */

import type { Cidr } from "../policy/cidr.ts";
import { parseCidr } from "../policy/cidr.ts";
import type { Limits } from "../policy/limits.ts";
import { proxyProtocolOver } from "../transport/proxy_protocol.ts";
import type { Listener } from "../transport/transport.ts";
import { webSocketOver } from "../transport/websocket.ts";
import type { ListenerConfig } from "./config.ts";

/** The listener with the proxies' header before everything else, where the configuration asks for it. */
export function withProxyHeader(
  listener: Listener,
  { proxyProtocol }: Exclude<ListenerConfig, { readonly type: "quic" }>,
  limits: Limits,
): Listener {
  if (proxyProtocol === undefined || proxyProtocol === false) return listener;
  const trusted = proxyProtocol === true ? "socket" : rangesOf(proxyProtocol.trusted);
  return proxyProtocolOver(listener, { trusted, maximumHeader: limits.proxyHeader });
}

/** The listener with WebSocket right before MQTT, where it is of that type. */
export function withWebSocket(
  listener: Listener,
  config: ListenerConfig,
  limits: Limits,
): Listener {
  if (config.type !== "websocket") return listener;
  return webSocketOver(listener, {
    path: config.path,
    origins: config.origins.map((origin) => origin.toLowerCase()),
    trustedProxies: rangesOf(config.trustedProxies),
    maximumRequest: limits.upgradeRequest,
    maximumFrame: Math.max(limits.maximumPacketSize, SMALLEST_FRAME_LIMIT),
  });
}

/** Clients put several packets into one frame, browsers' up to 512 KiB: a small packet limit is no limit for that. */
const SMALLEST_FRAME_LIMIT = 1_048_576;

/** Ranges that the configuration has been checked for. */
function rangesOf(texts: readonly string[]): readonly Cidr[] {
  return texts.map((text) => {
    const range = parseCidr(text);
    if (typeof range === "string") throw new Error(range);
    return range;
  });
}
