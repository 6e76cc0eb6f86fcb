"""A client of the daemon that knows nothing but `proto/` and stock grpcio: `contract_client.py SOCKET RUN_ID URL KEY`.

The stubs are on PYTHONPATH, made by grpcio-tools. Says what it saw, line by line.
"""

import queue
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from wandbd.v1 import run_pb2, wandbd_pb2, wandbd_pb2_grpc

ROWS = 100


def process() -> Any:
    """Say who we are: boot, process id, start time."""
    stat = Path("/proc/self/stat").read_text()
    fields = stat[stat.rindex(")") + 2 :].split()
    return wandbd_pb2.Process(
        boot_id=Path("/proc/sys/kernel/random/boot_id").read_text().strip(), pid=int(stat.split()[0]), start_time=int(fields[19])
    )


def row(number: int) -> Any:
    """Return a record with one history row."""
    fields = [run_pb2.Field(key="i", integer=number), run_pb2.Field(key="loss", number=1 / (number + 1))]
    return run_pb2.Record(row=run_pb2.Row(field=fields, timestamp=time.time(), close=True))


def main() -> None:
    """Open a run, publish rows, read acks, connect again, finish."""
    socket, run_id, url, key = sys.argv[1:5]
    # Without this line grpcio names the socket's path as authority, which an HTTP/2 server in Rust refuses.
    channel = grpc.insecure_channel(f"unix:{socket}", options=[("grpc.default_authority", "localhost")])

    health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service="wandbd.v1.Wandbd"))
    print("health", health_pb2.HealthCheckResponse.ServingStatus.Name(health.status))
    print("services", *sorted(ProtoReflectionDescriptorDatabase(channel).get_services()))

    stub = wandbd_pb2_grpc.WandbdStub(channel)
    session = str(uuid.uuid4())
    opened = wandbd_pb2.OpenRun(
        run_id=run_id,
        project="e2e",
        display_name="by contract",
        config_json='{"language": "any"}',
        start_time=time.time(),
        server=wandbd_pb2.Server(base_url=url, api_key=key),
    )
    hello = wandbd_pb2.Hello(session=session, client="contract-test/1", process=process(), open=opened)

    # First connection: two chunks, of which the second holds one bad record.
    going: queue.Queue[Any] = queue.Queue()
    answers = stub.Publish(iter(going.get, None))
    going.put(wandbd_pb2.ClientMessage(hello=hello))
    welcome = next(answers).welcome
    print("welcome", welcome.acked_seq, bool(welcome.daemon_version))
    going.put(chunk(1, [row(number) for number in range(40)]))
    wait_for_ack(answers, 40)
    backwards = run_pb2.Record(row=run_pb2.Row(field=[run_pb2.Field(key="i", integer=-1)], step=2, close=True, timestamp=time.time()))
    going.put(chunk(41, [backwards, *(row(number) for number in range(40, 60))]))
    refused = wait_for_ack(answers, 61)
    print("refused", [refusal.seq for refusal in refused], all(refusal.reason for refusal in refused))
    going.put(None)

    # Second connection, the same session: what was acknowledged is not taken twice.
    going = queue.Queue()
    answers = stub.Publish(iter(going.get, None))
    going.put(wandbd_pb2.ClientMessage(hello=hello))
    print("again", next(answers).welcome.acked_seq)
    going.put(chunk(41, [backwards, *(row(number) for number in range(40, ROWS))]))
    wait_for_ack(answers, 101)
    run = stub.GetRun(wandbd_pb2.GetRunRequest(session=session))
    print("run", run.run_id, run.rows, run.next_step)
    last = run_pb2.Record(exit=run_pb2.Exit(exit_code=4, timestamp=time.time()))
    going.put(chunk(102, [last]))
    wait_for_ack(answers, 102)
    going.put(None)
    print("finished")
    channel.close()


def chunk(first: int, records: list[Any]) -> Any:
    """Return a message with numbered records."""
    return wandbd_pb2.ClientMessage(chunk=wandbd_pb2.Chunk(first_seq=first, record=records))


def wait_for_ack(answers: Iterator[Any], seq: int) -> list[Any]:
    """Read the stream until everything up to `seq` is on disk; return the refusals on the way."""
    refused: list[Any] = []
    for answer in answers:
        if answer.HasField("ack"):
            refused.extend(answer.ack.refused)
            if answer.ack.seq >= seq:
                return refused
    raise SystemExit("the stream ended before the ack")


if __name__ == "__main__":
    main()
