/** WebSocket as a transport of MQTT 3.1.1, section 6. */

import type { Row } from "../harness.ts";
import { webSocketRows } from "../over_websocket.ts";

export const websocket311: readonly Row[] = webSocketRows("3.1.1");
