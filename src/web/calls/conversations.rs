//! What does a core see of one conversation?

use crate::{
    conversation::key::Key,
    ports::store::View,
    schema::v1::ConversationView,
    web::{Answer, Problem, State, auth::Caller},
};

/// The conversation with this key, as it is written or escaped once more.
pub async fn look(state: &State, caller: &Caller, key: &str) -> Answer<ConversationView> {
    let key = Key::parse(key).ok_or_else(|| Problem::not_found("this is no conversation key"))?;
    let account = state.registry.by_platform(&key.channel, &key.platform_id, &key.sub_id);
    if let Some(account) = &account {
        caller.must_see(&account.describe.id)?;
    }
    let view = state.store.conversation(&key.render()).await?;
    let view = view.ok_or_else(|| Problem::not_found("no such conversation"))?;
    caller.must_serve(view.state.usual_core())?;
    if account.is_none() {
        // The account is gone; its conversations are seen by who could see it.
        caller.must_see(account_of(&view))?;
    }
    Ok(shape(view, state.clock.now()))
}

fn account_of(view: &View) -> &str {
    let conversation = view.state.conversation.as_ref();
    let account = conversation.and_then(|conversation| conversation.account.as_ref());
    account.map_or("", |account| &account.id)
}

fn shape(view: View, now: i64) -> ConversationView {
    let state = view.state;
    ConversationView {
        allowances: state.ledger.map(|ledger| ledger.allowances(now)).unwrap_or_default(),
        conversation: state.conversation,
        entry: state.entry,
        epoch: state.epoch,
        last_seq: state.seq,
        taken_seq: view.taken_seq,
        waiting_sends: view.waiting_sends,
    }
}
