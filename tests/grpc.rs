//! Does the real binary keep its promises over gRPC: to a core that it calls, and to one that calls it?

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod support;

#[path = "grpc/batches.rs"]
mod batches;
#[path = "grpc/bridge.rs"]
mod bridge;
#[path = "grpc/delivery.rs"]
mod delivery;
#[path = "grpc/hostile.rs"]
mod hostile;
#[path = "grpc/listener.rs"]
mod listener;
#[path = "grpc/pull.rs"]
mod pull;
#[path = "grpc/tls.rs"]
mod tls;
