//! Which function answers each rpc? The same ones that answer `/v1`.

use std::{pin::Pin, sync::Arc};

use futures_util::Stream;
use tonic::{Request, Response, Status, Streaming};

use super::{
    gate::{opened, status},
    media,
};
use crate::{
    schema::v1::{
        AccountView, AckEventsRequest, AckEventsResponse, ConversationView, CreateEntryResponse, Entry,
        FetchEventsRequest, FetchEventsResponse, GetAccountRequest, GetConversationRequest, GetMediaRequest,
        GetMessageRequest, ListAccountsRequest, ListAccountsResponse, Media, MediaChunk, SendRequest, SendResult,
        bridge_server::Bridge,
    },
    web::{
        Answer, Problem, State,
        calls::{accounts, conversations, entries, messages},
    },
};

const PAGE: usize = 100;
const PAGE_MAX: usize = 1000;

/// The calls of the bridge.
#[derive(Clone)]
pub struct Desk(pub Arc<State>);

type Answered<T> = Result<Response<T>, Status>;

fn answered<T>(answer: Answer<T>) -> Answered<T> {
    answer.map(Response::new).map_err(|problem| status(&problem))
}

/// A deadline ends the caller's waiting and not the work: what was begun is never left half done.
async fn to_the_end<T: Send + 'static>(work: impl Future<Output = Answer<T>> + Send + 'static) -> Answered<T> {
    match tokio::spawn(work).await {
        Ok(answer) => answered(answer),
        Err(error) => {
            tracing::error!(%error, "a call over gRPC failed");
            Err(status(&Problem::failed()))
        }
    }
}

#[tonic::async_trait]
impl Bridge for Desk {
    async fn send(&self, request: Request<SendRequest>) -> Answered<SendResult> {
        let (caller, wish) = opened(request)?;
        let state = self.0.clone();
        to_the_end(async move { messages::send(&state, &caller, wish, None).await }).await
    }

    async fn preview(&self, request: Request<SendRequest>) -> Answered<SendResult> {
        let (caller, wish) = opened(request)?;
        answered(messages::preview(&self.0, &caller, wish).await)
    }

    async fn get_message(&self, request: Request<GetMessageRequest>) -> Answered<SendResult> {
        let (caller, which) = opened(request)?;
        answered(messages::find(&self.0, &caller, &which).await)
    }

    async fn fetch_events(&self, request: Request<FetchEventsRequest>) -> Answered<FetchEventsResponse> {
        let (caller, wish) = opened(request)?;
        answered(self.0.feeds.fetch(&caller.0, wish).await.map_err(Problem::from))
    }

    async fn ack_events(&self, request: Request<AckEventsRequest>) -> Answered<AckEventsResponse> {
        let (caller, wish) = opened(request)?;
        let state = self.0.clone();
        to_the_end(async move { state.feeds.ack(&caller.0, wish).await.map_err(Problem::from) }).await
    }

    async fn get_conversation(&self, request: Request<GetConversationRequest>) -> Answered<ConversationView> {
        let (caller, which) = opened(request)?;
        answered(conversations::look(&self.0, &caller, &which.key).await)
    }

    async fn list_accounts(&self, request: Request<ListAccountsRequest>) -> Answered<ListAccountsResponse> {
        let (caller, wish) = opened(request)?;
        let limit = match usize::try_from(wish.page_size).unwrap_or(PAGE_MAX) {
            0 => PAGE,
            size => size.min(PAGE_MAX),
        };
        let page = accounts::list(&self.0, &caller, limit, &wish.page_token);
        Ok(Response::new(ListAccountsResponse {
            accounts: page.items,
            next_page_token: page.next,
        }))
    }

    async fn get_account(&self, request: Request<GetAccountRequest>) -> Answered<AccountView> {
        let (caller, which) = opened(request)?;
        answered(accounts::one(&self.0, &caller, &which.id))
    }

    async fn put_media(&self, request: Request<Streaming<MediaChunk>>) -> Answered<Media> {
        let (caller, chunks) = opened(request)?;
        media::put(&self.0, &caller, chunks).await.map(Response::new)
    }

    type GetMediaStream = Pin<Box<dyn Stream<Item = Result<MediaChunk, Status>> + Send>>;

    async fn get_media(&self, request: Request<GetMediaRequest>) -> Answered<Self::GetMediaStream> {
        let (caller, which) = opened(request)?;
        let chunks = media::get(&self.0, &caller, &which).await;
        answered(chunks.map(|chunks| Box::pin(chunks) as Self::GetMediaStream))
    }

    async fn create_entry(&self, request: Request<Entry>) -> Answered<CreateEntryResponse> {
        let (_, entry) = opened(request)?;
        let state = self.0.clone();
        to_the_end(async move { entries::create(&state, &entry, None, None).await }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fault_in_us_is_not_laid_at_the_callers_door() {
        let refused = to_the_end::<()>(async { panic!("on purpose") }).await;
        let sent = super::super::gate::explained(refused.expect_err("refused").into_http());
        let status = Status::from_header_map(sent.headers()).expect("a status");
        assert_eq!(status.code(), tonic::Code::Internal);
        let details = String::from_utf8_lossy(status.details());
        assert!(
            details.contains("OVERLOADED") && !details.contains("INVALID_REQUEST"),
            "{details:?}"
        );
    }
}
