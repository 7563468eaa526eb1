/** WebSocket as a transport of MQTT 5.0, section 6. */

import type { Row } from "../harness.ts";
import { webSocketRows } from "../over_websocket.ts";

export const websocket5: readonly Row[] = webSocketRows("5.0");
