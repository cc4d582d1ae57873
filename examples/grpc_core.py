#!/usr/bin/env python3
"""The smallest core over gRPC: checks that the bridge calls, and says back what the customer wrote.

    pip install grpcio grpcio-tools
    wxbridge proto > wxbridge.proto && mkdir -p wxbridge/v1 && mv wxbridge.proto wxbridge/v1/
    python3 -m grpc_tools.protoc -I. --python_out=. --grpc_python_out=. wxbridge/v1/wxbridge.proto
    CORE_BEARER=… PYTHONPATH=. python3 grpc_core.py    listens on 127.0.0.1:50051; PORT says otherwise

The bridge's side, in its configuration:

    [[core]]
    name = "main"
    kind = "grpc"
    url = "http://127.0.0.1:50051"
    bearer = "…"                                  # the same: openssl rand -base64 32
"""

import hmac, os
from concurrent import futures

import grpc
from wxbridge.v1 import wxbridge_pb2 as pb, wxbridge_pb2_grpc as rpc

BEARER = f"Bearer {os.environ['CORE_BEARER']}".encode()


class Core(rpc.CoreServicer):
    def Deliver(self, request, context):
        said = dict(context.invocation_metadata()).get("authorization", "")
        if not hmac.compare_digest(said.encode(), BEARER):
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "not our bridge")
        answer = pb.DeliverResponse()
        for event in request.events:
            texts = [part.text.body for part in event.message.parts if part.HasField("text")]
            replies = [pb.SendRequest(text=f"You said: {text}") for text in texts]
            answer.results.add(conversation_key=event.conversation.key, through_seq=event.seq, replies=replies)
        return answer


if __name__ == "__main__":
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=64))
    rpc.add_CoreServicer_to_server(Core(), server)
    server.add_insecure_port(f"127.0.0.1:{os.environ.get('PORT', '50051')}")
    server.start()
    server.wait_for_termination()
