//! What does delivery write, in tests? A store in memory, with only what delivery asks of it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;

use super::{super::*, START};
use crate::{
    ports::store::{
        Enqueued, EventQuery, NewMessage, Offered, Pending, Row, SetAside, StoreError, Take, Told, Took, Waiting,
    },
    schema::{Timestamp, Written, v1},
};

#[derive(Default)]
pub struct FakeLedger {
    data: Mutex<Data>,
}

#[derive(Default)]
pub(super) struct Data {
    events: BTreeMap<Row, Arc<Stored>>,
    waiting: BTreeMap<ConversationId, BTreeMap<u32, Row>>,
    next_row: Row,
    seqs: HashMap<ConversationId, u32>,
    reads: usize,
    takes: Vec<(u32, Vec<String>)>,
    commits: usize,
    hurried: HashSet<ConversationId>,
    parked: Vec<(u32, String)>,
    enqueued: Vec<String>,
    fail_takes: usize,
    keeps_waiting: bool,
    pub(super) before_pause: HashMap<ConversationId, &'static str>,
    waiting_takes: Vec<(Take, Told)>,
    pub(super) answered: HashSet<Row>,
    reassigned: Vec<(ConversationId, String)>,
    failing: HashMap<String, Millis>,
}

impl FakeLedger {
    pub(super) fn data(&self) -> std::sync::MutexGuard<'_, Data> {
        self.data.lock().expect("lock")
    }
    /// Commits an event without telling anybody.
    pub fn append(&self, conversation: i64, core: Option<&str>) -> Arc<Stored> {
        self.data().append(ConversationId(conversation), core)
    }
    /// Retention: a Gap stands for everything up to `to_seq`.
    pub fn sweep(&self, conversation: i64, to_seq: u32) -> Arc<Stored> {
        let id = ConversationId(conversation);
        let mut data = self.data();
        data.waiting.entry(id).or_default().retain(|seq, _| *seq > to_seq);
        data.write(id, to_seq, Some("main"), v1::event::Body::Gap(v1::Gap::default()))
    }
    pub fn reads(&self) -> usize {
        self.data().reads
    }
    pub fn takes(&self) -> Vec<(u32, Vec<String>)> {
        self.data().takes.clone()
    }
    /// How many takes there were, however many events each took.
    pub fn commits(&self) -> usize {
        self.data().commits
    }
    /// Whose takes somebody waited for.
    pub fn hurried(&self) -> HashSet<ConversationId> {
        self.data().hurried.clone()
    }
    pub fn parked(&self) -> Vec<(u32, String)> {
        self.data().parked.clone()
    }
    pub fn enqueued(&self) -> Vec<String> {
        self.data().enqueued.clone()
    }
    pub fn reassigned(&self) -> Vec<(ConversationId, String)> {
        self.data().reassigned.clone()
    }
    pub fn fail_takes(&self, count: usize) {
        self.data().fail_takes = count;
    }
    /// Another answer took this event already.
    pub fn answered_before(&self, stored: &Stored) {
        self.data().answered.insert(stored.row);
    }
    pub fn undelivered(&self) -> usize {
        self.data().waiting.values().map(BTreeMap::len).sum()
    }
}

impl FakeLedger {
    fn taken(&self, take: Take) -> Result<Took, StoreError> {
        let mut data = self.data();
        if data.fail_takes > 0 {
            data.fail_takes -= 1;
            return Err(StoreError::Overloaded);
        }
        data.commits += 1;
        for (row, seq) in take.before {
            data.waiting.entry(take.conversation).or_default().remove(&seq);
            data.answered.insert(row);
            data.takes.push((seq, Vec::new()));
        }
        if let Some(events) = data.waiting.get_mut(&take.conversation) {
            events.remove(&take.seq);
        }
        if !data.answered.insert(take.row) {
            return Ok(Took::Before);
        }
        let replies = take
            .replies
            .iter()
            .map(|reply| reply.client_message_id.clone())
            .collect();
        data.takes.push((take.seq, replies));
        if take.hurries {
            data.hurried.insert(take.conversation);
        }
        Ok(Took::Now(Vec::new()))
    }
    /// From now on a commit takes until [`commits_now`](Self::commits_now).
    pub fn keeps_waiting(&self) {
        self.data().keeps_waiting = true;
    }
    /// Every commit that somebody waits for comes to its end; how many.
    pub fn commits_now(&self) -> usize {
        let waiting = std::mem::take(&mut self.data().waiting_takes);
        let count = waiting.len();
        for (take, tell) in waiting {
            tell(self.taken(take));
        }
        count
    }
    /// Nobody will ever know what became of them; how many.
    pub fn forgets_takes(&self) -> usize {
        let forgotten = std::mem::take(&mut self.data().waiting_takes);
        forgotten.len()
    }
    /// Gives what waits of a conversation to a core, or to none.
    pub fn give(&self, conversation: i64, core: Option<&str>) -> Waiting {
        let id = ConversationId(conversation);
        let mut data = self.data();
        let rows: Vec<Row> = data.waiting[&id].values().copied().collect();
        for row in &rows {
            let mut stored = Stored::clone(&data.events[row]);
            stored.core = core.map(Arc::from);
            data.events.insert(*row, Arc::new(stored));
        }
        Waiting {
            conversation: id,
            key: format!("c{conversation}"),
            core: core.map(Arc::from),
            core_before_pause: None,
            first_seq: data.waiting[&id].keys().next().copied().unwrap_or_default(),
            count: u32::try_from(rows.len()).expect("few"),
            oldest: START,
        }
    }
}

impl Data {
    pub(super) fn append(&mut self, id: ConversationId, core: Option<&str>) -> Arc<Stored> {
        let seq = self.seqs.entry(id).or_default();
        *seq += 1;
        let seq = *seq;
        self.write(id, seq, core, v1::event::Body::Message(v1::Message::default()))
    }
    /// Bytes that stop in the middle of what the event says.
    pub(super) fn spoil(&mut self, whole: &Stored) -> Arc<Stored> {
        let mut bytes = whole.event.bytes().to_vec();
        bytes.extend_from_slice(&[0xa2, 0x01, 0x02, 0x22, 0x7f]);
        let spoilt = Arc::new(Stored {
            event: Written::unread(bytes.into()).expect("a head"),
            ..whole.clone()
        });
        self.events.insert(whole.row, spoilt.clone());
        spoilt
    }
    fn write(&mut self, id: ConversationId, seq: u32, core: Option<&str>, body: v1::event::Body) -> Arc<Stored> {
        self.next_row += 1;
        let row = self.next_row;
        let stored = Arc::new(Stored {
            row,
            conversation: id,
            core: core.map(Arc::from),
            event: v1::Event {
                id: format!("e{row}"),
                conversation: Some(v1::Conversation {
                    key: format!("c{}", id.0),
                    ..Default::default()
                }),
                epoch: 1,
                seq,
                accepted_time: Some(Timestamp::from_millis(START + row)),
                body: Some(body),
                ..Default::default()
            }
            .into(),
        });
        self.events.insert(row, stored.clone());
        self.waiting.entry(id).or_default().insert(seq, row);
        stored
    }
}

#[async_trait]
impl Ledger for FakeLedger {
    async fn failing(&self) -> Result<HashMap<String, Millis>, StoreError> {
        Ok(self.data().failing.clone())
    }
    async fn note_failing(&self, event: &str, so_far: Millis) -> Result<(), StoreError> {
        self.data().failing.insert(event.to_owned(), so_far);
        Ok(())
    }
    async fn backlog(&self) -> Result<Vec<Waiting>, StoreError> {
        let data = self.data();
        let of = |(id, events): (&ConversationId, &BTreeMap<u32, Row>)| {
            let (first_seq, row) = events.first_key_value()?;
            Some(Waiting {
                conversation: *id,
                key: format!("c{}", id.0),
                core: data.events[row].core.clone(),
                core_before_pause: data.before_pause.get(id).map(|core| Arc::from(*core)),
                first_seq: *first_seq,
                count: u32::try_from(events.len()).expect("few"),
                oldest: START,
            })
        };
        Ok(data.waiting.iter().filter_map(of).collect())
    }
    async fn pending(&self, conversation: ConversationId, limit: usize) -> Result<Pending, StoreError> {
        let mut data = self.data();
        data.reads += 1;
        let rows: Vec<Row> = data
            .waiting
            .get(&conversation)
            .map(|events| events.values().copied().take(limit).collect())
            .unwrap_or_default();
        let events = rows.iter().map(|row| data.events[row].clone()).collect();
        let all = rows.len() < limit;
        Ok(Pending { events, all })
    }
    async fn take(&self, take: Take) -> Result<Took, StoreError> {
        self.taken(take)
    }
    fn take_aside(&self, take: Take, tell: Told) {
        // What the rig asks for itself is not held up.
        if self.data().keeps_waiting && take.conversation.0 > 0 {
            return self.data().waiting_takes.push((take, tell));
        }
        tell(self.taken(take));
    }
    async fn park_with(
        &self,
        stored: &Stored,
        reason: String,
        replies: Vec<NewMessage>,
    ) -> Result<SetAside, StoreError> {
        let mut data = self.data();
        let named = replies.into_iter().map(|reply| reply.client_message_id);
        data.enqueued.extend(named);
        let seq = stored.event.number();
        data.parked.push((seq, reason));
        let gap = v1::event::Body::Gap(v1::Gap::default());
        let gap = data.write(stored.conversation, seq, stored.core.as_deref(), gap);
        Ok((gap, Vec::new()))
    }
    async fn reassign(&self, conversations: Vec<ConversationId>, to: Arc<str>) -> Result<(), StoreError> {
        let given = conversations.into_iter().map(|id| (id, to.to_string()));
        self.data().reassigned.extend(given);
        Ok(())
    }
    async fn offered(&self, query: EventQuery) -> Result<Offered, StoreError> {
        let data = self.data();
        let after = query.after.unwrap_or(0);
        let fits = |it: &&Arc<Stored>| it.row > after && it.core.as_deref() == query.core.as_deref();
        let events: Vec<_> = data.events.values().filter(fits).take(query.limit).cloned().collect();
        let next = events.last().map(|last| last.row);
        Ok(Offered { events, next })
    }
    async fn enqueue(&self, message: NewMessage) -> Result<Enqueued, StoreError> {
        self.data().enqueued.push(message.client_message_id);
        Ok(Enqueued::Conflict)
    }
}
