/** WebSocket as a transport of MQTT 5.0, section 6. */

import type { Row } from "../harness.ts";
import { excuse } from "../harness.ts";

export const websocket5: readonly Row[] = [
  excuse(
    "5.0",
    ["MQTT-6.0.0-1", "MQTT-6.0.0-2", "MQTT-6.0.0-4"],
    "the broker has no listener for WebSocket yet: it comes with issue 6, and so do these rows",
  ),
  excuse(
    "5.0",
    "MQTT-6.0.0-3",
    "it binds the client, and the broker has no listener for WebSocket yet (issue 6)",
  ),
];
