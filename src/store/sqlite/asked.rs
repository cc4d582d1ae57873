//! How do those who ask what waits share a look? Whoever comes while one is under way goes with the next.
//!
//! A backlog is read conversation by conversation, dozens at a time, and each look by itself would be a job for the writer, a
//! thread and a transaction.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::{
    closed,
    read::{self, Listed},
    reader::Reader,
    writer::{Job, Ran, Writer},
};
use crate::ports::store::{ConversationId, Pending, Row, StoreError};

/// Conversations of one look.
const MOST: usize = 32;
/// Looks at the same time: the writer finds the rows for one while another reads them.
const LOOKS: usize = 2;

type Found = Result<Pending, StoreError>;

/// Those who ask.
#[derive(Clone)]
pub struct Asked {
    reader: Reader,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    waiting: Vec<Question>,
    looks: usize,
}

struct Question {
    line: Line,
    tell: oneshot::Sender<Found>,
}

/// What is asked of one conversation.
#[derive(Clone, Copy)]
struct Line {
    conversation: ConversationId,
    from_seq: u32,
    limit: usize,
}

impl Asked {
    pub fn new(reader: Reader) -> Self {
        let state = Arc::default();
        Self { reader, state }
    }

    /// Undelivered events of one conversation from `from_seq` on, in order.
    pub fn ask(
        &self,
        conversation: ConversationId,
        from_seq: u32,
        limit: usize,
        jobs: &mpsc::Sender<Job>,
    ) -> oneshot::Receiver<Found> {
        let (tell, told) = oneshot::channel();
        let line = Line {
            conversation,
            from_seq,
            limit,
        };
        let starts = {
            let mut state = self.lock();
            state.waiting.push(Question { line, tell });
            let starts = state.looks < LOOKS;
            state.looks += usize::from(starts);
            starts
        };
        if starts {
            // Others wait for it too: it goes on when whoever was first does not.
            tokio::spawn(self.clone().look(jobs.clone()));
        }
        told
    }

    /// One look after the other, until nobody asks.
    async fn look(self, jobs: mpsc::Sender<Job>) {
        let mut looking = Looking {
            asked: &self,
            ended: false,
        };
        loop {
            let questions: Vec<Question> = {
                let mut state = self.lock();
                let count = state.waiting.len().min(MOST);
                if count == 0 {
                    // In the same breath: whoever comes next begins a look.
                    state.looks -= 1;
                    looking.ended = true;
                    return;
                }
                state.waiting.drain(..count).collect()
            };
            let lines: Vec<Line> = questions.iter().map(|question| question.line).collect();
            let mut found = self.found(lines, &jobs).await.map(Vec::into_iter);
            for Question { tell, .. } in questions {
                let each = match &mut found {
                    Ok(found) => Ok(found.next().unwrap_or_default()),
                    Err(error) => Err(error.clone()),
                };
                // Whoever asked may be gone.
                let _ = tell.send(each);
            }
        }
    }

    async fn found(&self, lines: Vec<Line>, jobs: &mpsc::Sender<Job>) -> Result<Vec<Pending>, StoreError> {
        let (tell, told) = oneshot::channel();
        let rows = move |writer: &mut Writer| {
            let rows = |line: Line| -> Listed {
                let rows = writer.lines.rows(line.conversation.0, line.from_seq).take(line.limit);
                let rows: Vec<Row> = rows.map(|(_, row)| row).collect();
                let all = rows.len() < line.limit;
                (line.conversation.0, rows, all)
            };
            let rows: Vec<_> = lines.into_iter().map(rows).collect();
            Ran {
                broken: false,
                after: Box::new(move |committed| {
                    let _ = tell.send(committed.map(|()| rows));
                }),
            }
        };
        jobs.send(Box::new(rows)).await.map_err(|_| closed())?;
        let rows = told.await.map_err(|_| closed())??;
        self.reader.read(move |db| read::of_lines(db, &rows)).await
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// If it ends before its end (a fault in us), others may look in its place.
struct Looking<'a> {
    asked: &'a Asked,
    ended: bool,
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.asked.lock().looks -= 1;
        }
    }
}
