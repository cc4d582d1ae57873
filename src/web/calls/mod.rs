//! What does each call of the core's API do, whatever it comes by? HTTP in [`super::v1`], gRPC in [`super::grpc`].

pub mod accounts;
pub mod conversations;
pub mod entries;
pub mod media;
pub mod messages;
