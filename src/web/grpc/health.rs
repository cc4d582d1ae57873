//! Can we append? `grpc.health.v1`, by the same rule as `/readyz`.

use std::{pin::Pin, sync::Arc};

use futures_util::{Stream, stream};
use tonic::{Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus, health_server::Health,
};

use crate::{
    ports::clock::Millis,
    web::{State, health::readiness},
};

const LOOK_AGAIN: Millis = 1_000;

#[derive(Clone)]
pub struct Desk(pub Arc<State>);

async fn standing(state: &State) -> ServingStatus {
    match readiness(state).await {
        Ok(()) => ServingStatus::Serving,
        Err(_) => ServingStatus::NotServing,
    }
}

/// The whole server, or the service that cores call.
fn is_ours(service: &str) -> bool {
    service.is_empty() || service == "wxbridge.v1.Bridge"
}

fn told(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status as i32 }
}

#[tonic::async_trait]
impl Health for Desk {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        if !is_ours(&request.into_inner().service) {
            return Err(Status::not_found("there is no such service"));
        }
        Ok(Response::new(told(standing(&self.0).await)))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    /// What changed, once a second; a service that we do not have stays unknown.
    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let ours = is_ours(&request.into_inner().service);
        let watching = stream::unfold((self.0.clone(), None), move |(state, last)| async move {
            loop {
                let status = match ours {
                    true => standing(&state).await,
                    false => ServingStatus::ServiceUnknown,
                };
                if last != Some(status) {
                    return Some((Ok(told(status)), (state, Some(status))));
                }
                state.clock.sleep_until(state.clock.now() + LOOK_AGAIN).await;
            }
        });
        Ok(Response::new(Box::pin(watching)))
    }
}
