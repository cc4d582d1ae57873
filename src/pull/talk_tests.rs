//! A house that talks back to the platform: what is asked about its words, its codes, and the sessions.

mod codes;
mod sessions;
mod words;

use std::time::Duration;

use serde_json::{Value, json};

use super::testing::{self, CORP, CUSTOMER, House, KF, text};
use crate::{
    outbound::Caller,
    ports::store::Store as _,
    schema::{
        json::{Unknown, from_value},
        v1::{SendResult, conversation::SessionState, send_result::Status},
    },
    settings::AccountSettings,
};

const SEND: &str = "/cgi-bin/kf/send_msg";
const SEND_ON_EVENT: &str = "/cgi-bin/kf/send_msg_on_event";
const CHANGE: &str = "/cgi-bin/kf/service_state/trans";
const STATE: &str = "/cgi-bin/kf/service_state/get";

fn key() -> String {
    format!("wechat_kf:{CORP}:{KF}:u:{CUSTOMER}")
}

async fn house(settings: AccountSettings, waiting: Vec<Value>) -> (House, tempfile::TempDir) {
    let (house, dir) = testing::house(settings, waiting).await;
    house.settle().await;
    (house, dir)
}

fn spoken() -> Vec<Value> {
    vec![text("m1", "hello", 1_000)]
}

fn ways(result: &SendResult) -> Vec<(&str, &str)> {
    let ways = result.degradations.iter();
    ways.map(|it| (&*it.from_type, &*it.to_type)).collect()
}

impl House {
    fn sent(&self, path: &str) -> Vec<Value> {
        self.platform.with(|kept| {
            let calls = kept.sent.iter().filter(|(called, _)| called == path);
            calls.map(|(_, body)| body.clone()).collect()
        })
    }

    fn will(&self, path: &'static str, answers: Vec<Value>) {
        self.platform.with(|kept| kept.answers.insert(path, answers));
    }

    /// What a preview says, and what then becomes of the message: the two must agree.
    async fn previewed(&self, request: Value) -> SendResult {
        let previewed = from_value(request.clone(), Unknown::Refuse).expect("a request");
        let caller = Caller::default();
        let preview = self.outbound.submit(&caller, previewed, true).await;
        let preview = preview.expect("a preview");
        let sent = self.says(request).await;
        assert_eq!(code(&preview), code(&sent), "{preview:?} {sent:?}");
        if sent.status() == Status::Sent {
            assert_eq!(preview.road(), sent.road());
            // Why a picture cannot be had shows when it is fetched.
            assert_eq!(ways(&preview), ways(&sent));
        }
        sent
    }

    /// The session goes to a colleague, and a code comes with it.
    async fn assigned(&self) {
        self.will(CHANGE, vec![json!({ "errcode": 0, "msg_code": "A1" })]);
        let assign = json!({ "conversationKey": key(), "session": { "verb": "ASSIGN", "servicer": "lisi" } });
        assert_eq!(self.says(assign).await.status(), Status::Sent);
    }

    async fn state(&self) -> (SessionState, String) {
        let view = self.store.conversation(&key()).await.expect("readable").expect("known");
        let it = view.state.conversation.expect("set");
        let servicer = it.servicer.as_ref().map(|it| it.native_id.clone()).unwrap_or_default();
        (it.session_state(), servicer)
    }

    /// The triggers of what is open, by name, as the last event shows them.
    async fn open(&self) -> Vec<String> {
        let event = self.events().await.last().expect("told").event.clone();
        let mut open: Vec<_> = event.allowances.iter().map(|it| it.trigger.clone()).collect();
        open.sort();
        open
    }

    async fn pulls(&self, more: Vec<Value>) {
        self.platform
            .with(|kept| kept.waiting.entry(KF.into()).or_default().extend(more));
        self.clock.advance(Duration::from_secs(361));
        self.settle().await;
    }
}

fn code(result: &SendResult) -> &str {
    result.error.as_ref().map_or("", |error| error.code.as_str())
}
