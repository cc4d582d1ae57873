#!/usr/bin/env python3
"""Do the bridge and grpcio understand each other? grpcio plays the core that is called, and the core that calls."""

import os
import subprocess
import sys
import threading
from concurrent import futures

import grpc
from common.house import BINARY, ROOT, Bridge, check, free_port, until
from common.platform import Platform
from common.schema import FOLDER, pb, rpc
from google.protobuf import json_format
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

BEARER = "the core's own secret"
KEY = "official_account:wxfedcba0987654321:u:oPeer"


class Core(rpc.CoreServicer):
    """Keeps `(epoch, last_seq)` of each conversation, as the contract advises, and echoes."""

    def __init__(self):
        self.seen, self.metadata, self.refusals, self.lock = [], [], 0, threading.Lock()

    def Deliver(self, request, context):
        metadata = dict(context.invocation_metadata())
        if metadata.get("authorization") != f"Bearer {BEARER}":
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "not our bridge")
        check_deadline = context.time_remaining()
        replies = []
        for event in request.events:
            text = event.message.summary
            if text == "poison":
                with self.lock:
                    self.refusals += 1
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "never this one")
            with self.lock:
                self.seen.append(event)
                self.metadata.append((metadata, check_deadline))
            if text:
                replies.append(pb.SendRequest(text=f"{text}, says grpcio"))
        return pb.DeliverResponse(replies=replies)


def serve(core):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    rpc.add_CoreServicer_to_server(core, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def code(error):
    """gRPC's own code, and ours out of the details."""
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return error.code().name, info.reason
    return error.code().name, None


def refused(call, *arguments, **named):
    try:
        call(*arguments, **named)
    except grpc.RpcError as error:
        return code(error)
    return None


def core_is_called(core, bridge):
    platform = Platform(bridge)
    status, reply = platform.text("在吗 <&> 😀")
    check("the reply in the response is the passive reply", (status, reply["Content"]), (200, "在吗 <&> 😀, says grpcio"))
    check("a text that the core refuses", platform.text("poison")[0], 200)
    check("and the next one", platform.text("after")[0], 200)
    seen = until("the gap and what follows", lambda: core.seen if len(core.seen) == 3 else None)
    check("in order, the refused one as a gap", [event.WhichOneof("body") for event in seen], ["message", "gap", "message"])
    check("seq without holes", [event.seq for event in seen], [1, 2, 3])
    check("refused three times", core.refusals, 3)
    check("a parked event is named", seen[1].gap.reason, pb.Gap.PARKED)
    metadata, deadline = core.metadata[0]
    check("traceparent", metadata["traceparent"], seen[0].traceparent)
    check("a deadline", 0 < deadline <= 31, True)
    check("the key", seen[0].conversation.key, KEY)
    check("an open window", seen[0].offer.passive.HasField("deadline"), True)


def core_calls(core, bridge):
    with grpc.insecure_channel(f"127.0.0.1:{bridge.ports['grpc']}") as channel:
        stub = rpc.BridgeStub(channel)
        token = [("authorization", f"Bearer {bridge.token}")]
        seen = stub.GetConversation(pb.GetConversationRequest(key=KEY), metadata=token)
        check("GetConversation", (seen.conversation.key, seen.last_seq), (KEY, 3))
        _, over_http = bridge.operate(f"/v1/conversations/{KEY}")
        check("the same in JSON as over HTTP", json_format.MessageToDict(seen), over_http)

        taken = stub.Send(pb.SendRequest(conversation_key=KEY, text="x", client_message_id="p-1"), metadata=token)
        check("Send", pb.SendResult.Status.Name(taken.status), "ACCEPTED")
        found = stub.GetMessage(pb.GetMessageRequest(client_message_id="p-1", account_id="shop"), metadata=token)
        check("GetMessage", found.message_id, taken.message_id)
        preview = stub.Preview(pb.SendRequest(conversation_key=KEY, text="x"), metadata=token)
        check("Preview", (preview.status, preview.message_id), (0, ""))
        accounts = stub.ListAccounts(pb.ListAccountsRequest(), metadata=token).accounts
        check("ListAccounts", [view.account.id for view in accounts], ["shop"])
        check("GetAccount", stub.GetAccount(pb.GetAccountRequest(id="shop"), metadata=token).account.channel, "official_account")
        check("CreateEntry", len(stub.CreateEntry(pb.Entry(robot_id="7"), metadata=token).token), 10)

        data = bytes(range(256)) * 1000
        chunks = [pb.MediaChunk(name="a.bin", data=data[:70_000]), pb.MediaChunk(data=data[70_000:])]
        kept = stub.PutMedia(iter(chunks), metadata=token)
        check("PutMedia", kept.size, len(data))
        got = stub.GetMedia(pb.GetMediaRequest(handle=kept.handle, offset=1000), metadata=token)
        check("GetMedia", b"".join(chunk.data for chunk in got) == data[1000:], True)

        account = pb.GetAccountRequest(id="shop")
        check("no token", refused(stub.GetAccount, account), ("UNAUTHENTICATED", "UNAUTHENTICATED"))
        wrong = [("authorization", "Bearer wrong")]
        check("a wrong token", refused(stub.GetAccount, account, metadata=wrong), ("UNAUTHENTICATED", "UNAUTHENTICATED"))
        nobody = pb.GetAccountRequest(id="nobody")
        check("an unknown account", refused(stub.GetAccount, nobody, metadata=token), ("NOT_FOUND", "NOT_FOUND"))
        other = pb.SendRequest(conversation_key=KEY, text="y", client_message_id="p-1")
        check("another body", refused(stub.Send, other, metadata=token), ("ALREADY_EXISTS", "IDEMPOTENCY_CONFLICT"))
        stranger = pb.SendRequest.FromString(b"\xc2\x3e\x01x")
        check("a field of a later schema", refused(stub.Send, stranger, metadata=token), ("INVALID_ARGUMENT", "INVALID_REQUEST"))

        health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service="wxbridge.v1.Bridge"))
        check("health", health.status, health_pb2.HealthCheckResponse.SERVING)
        services = ProtoReflectionDescriptorDatabase(channel).get_services()
        check("reflection", "wxbridge.v1.Bridge" in services, True)


def example():
    """The core of the documentation, as it is shown."""
    port = free_port()
    environment = {**os.environ, "CORE_BEARER": BEARER, "PORT": str(port), "PYTHONPATH": FOLDER}
    core = subprocess.Popen([sys.executable, str(ROOT / "examples/grpc_core.py")], env=environment)
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = rpc.CoreStub(channel)
            grpc.channel_ready_future(channel).result(20)
            status = "UNAUTHENTICATED"
            check("the example refuses who is not the bridge", refused(stub.Deliver, pb.DeliverRequest()), (status, None))
        looked = [BINARY, "core-check", "--grpc", f"127.0.0.1:{port}", "--bearer", BEARER]
        check("core-check finds nothing wrong with the example", subprocess.run(looked).returncode, 0)
        lines = f'kind = "grpc"\nbearer = "{BEARER}"'
        with Bridge(f"http://127.0.0.1:{port}", core_lines=lines) as bridge:
            status, reply = Platform(bridge).text("在吗 <&>")
            check("the example answers", (status, reply["Content"]), (200, "You said: 在吗 <&>"))
    finally:
        core.terminate()
        core.wait()


def main():
    core = Core()
    server, port = serve(core)
    lines = f'kind = "grpc"\nbearer = "{BEARER}"'
    with Bridge(f"http://127.0.0.1:{port}", core_lines=lines) as bridge:
        core_is_called(core, bridge)
        core_calls(core, bridge)
    server.stop(None)
    example()
    print("the bridge and grpcio understand each other")


if __name__ == "__main__":
    sys.exit(main())
