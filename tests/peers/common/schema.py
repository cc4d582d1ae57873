"""What does the schema look like in another language? Compiled by grpcio-tools from the proto as it is published."""

import pathlib
import sys
import tempfile

import grpc_tools
from grpc_tools import protoc

from common.house import ROOT

PROTO = "wxbridge/v1/wxbridge.proto"


KEPT = tempfile.TemporaryDirectory(prefix="wxbridge-schema-")
FOLDER = KEPT.name


def compile_schema(folder):
    """The modules of messages and of services."""
    include = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    status = protoc.main(
        ["protoc", f"-I{ROOT / 'proto'}", f"-I{include}", f"--python_out={folder}", f"--grpc_python_out={folder}", PROTO]
    )
    if status:
        raise SystemExit(f"FAILED: protoc says {status}")
    sys.path.insert(0, folder)
    from wxbridge.v1 import wxbridge_pb2, wxbridge_pb2_grpc

    return wxbridge_pb2, wxbridge_pb2_grpc


pb, rpc = compile_schema(FOLDER)
