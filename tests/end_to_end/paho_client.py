"""A client on Debian's paho (python3-paho-mqtt) for end-to-end tests.

Arguments: port, version (3, 4 or 5), client id, topic filter, own topic, count. Subscribes with QoS 2,
prints `ready`, publishes `count` messages in turn with QoS 0, 1 and 2 to its own topic, then prints each
message that it gets as `qos topic payload`. Ends when a message with the payload `end` comes.
"""

import sys

import paho.mqtt.client as mqtt

port, version, client_id, topic_filter, own_topic, count = sys.argv[1:]
version, count = int(version), int(count)


def say(line):
    print(line, flush=True)


def on_connect(client, _userdata, _flags, reason, _properties=None):
    if (reason.value if version == 5 else reason) != 0:
        say(f"refused {reason}")
        sys.exit(1)
    client.subscribe(topic_filter, qos=2)


def on_subscribe(client, _userdata, _mid, _granted, _properties=None):
    say("ready")
    for n in range(count):
        client.publish(own_topic, f"{client_id} {n}", qos=n % 3)


def on_message(client, _userdata, message):
    payload = message.payload.decode()
    say(f"{message.qos} {message.topic} {payload}")
    if payload == "end":
        client.disconnect()


if version == 5:
    paho = mqtt.Client(client_id=client_id, protocol=mqtt.MQTTv5)
else:
    paho = mqtt.Client(client_id=client_id, protocol=version, clean_session=True)
paho.on_connect = on_connect
paho.on_subscribe = on_subscribe
paho.on_message = on_message
paho.connect("127.0.0.1", int(port), keepalive=30)
paho.loop_forever()
