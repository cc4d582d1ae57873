//! Whatever happens and in whatever order: is each conversation heard in its order, one attempt at a time, by the core that has
//! it, and all of it, by nothing but what the machine itself says is due?

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::{
    cores::Core,
    ports::core::{Answer, Outcome},
    schema::{Timestamp, v1},
};

const T: Millis = 1_766_200_000_000;
const CONVERSATIONS: i64 = 5;
/// So many steps of the machine end everything that a test begins.
const ENOUGH: usize = 20_000;

#[derive(Clone, Debug)]
enum Happens {
    /// An event is committed, which costs so much.
    Arrives(i64, usize),
    /// The deliverer looks what is due.
    Looks,
    /// The attempt at this place goes on by one step, and this becomes of it.
    GoesOn(usize, Becomes),
    Passes(Millis),
    /// The clock is set back.
    Back(Millis),
    Hurries(i64),
    Wakes,
    /// What waits of a conversation has another core, or none.
    Moves(i64, Option<usize>),
}

#[derive(Clone, Copy, Debug)]
enum Becomes {
    Taken,
    /// The first so many are taken, and then it fails.
    TakenInPart(usize),
    Failed,
    Refused,
    Again,
    Slow(Option<Millis>),
    Down,
    /// Our own store does not answer.
    StoreFails,
}

fn becomes() -> impl Strategy<Value = Becomes> {
    prop_oneof![
        6 => Just(Becomes::Taken),
        1 => (1..4_usize).prop_map(Becomes::TakenInPart),
        1 => Just(Becomes::Failed),
        1 => Just(Becomes::Refused),
        1 => Just(Becomes::Again),
        1 => prop_oneof![Just(None), Just(Some(5_000))].prop_map(Becomes::Slow),
        1 => Just(Becomes::Down),
        1 => Just(Becomes::StoreFails),
    ]
}

fn happens() -> impl Strategy<Value = Happens> {
    let who = || 0..CONVERSATIONS;
    let costs = prop_oneof![4 => Just(2_000_usize), 1 => Just(3 << 20)];
    let core = prop_oneof![3 => (0..2_usize).prop_map(Some), 1 => Just(None)];
    prop_oneof![
        6 => (who(), costs).prop_map(|(who, costs)| Happens::Arrives(who, costs)),
        6 => Just(Happens::Looks),
        9 => (0..8_usize, becomes()).prop_map(|(at, becomes)| Happens::GoesOn(at, becomes)),
        3 => prop_oneof![Just(1), Just(250), Just(5_000), Just(61_000), Just(3_600_000)].prop_map(Happens::Passes),
        1 => prop_oneof![Just(100), Just(90_000), Just(86_400_000)].prop_map(Happens::Back),
        1 => who().prop_map(Happens::Hurries),
        1 => Just(Happens::Wakes),
        1 => (who(), core).prop_map(|(who, core)| Happens::Moves(who, core)),
    ]
}

/// An attempt, as a worker has it in hand.
struct Flight {
    job: Job,
    at: At,
}

enum At {
    /// The store is being asked.
    Asked,
    /// It has answered; what it says may be old by the time that it is heard.
    Read(Pending),
    Offered,
    /// So many are taken and being committed; then this becomes of the rest.
    Committing(usize, Option<Outcome>),
}

struct World {
    state: State,
    now: Millis,
    /// What is undelivered, in its order: the store.
    store: BTreeMap<i64, VecDeque<Arc<Stored>>>,
    homes: BTreeMap<i64, Option<Arc<str>>>,
    seqs: BTreeMap<i64, u32>,
    row: i64,
    flights: Vec<Flight>,
}

fn failed() -> Outcome {
    Outcome::Failed {
        after: None,
        why: "500".into(),
    }
}

impl World {
    fn new() -> Self {
        Self {
            state: State::default(),
            now: T,
            store: BTreeMap::new(),
            homes: (0..CONVERSATIONS).map(|it| (it, Some(name(it as usize % 2)))).collect(),
            seqs: BTreeMap::new(),
            row: 0,
            flights: Vec::new(),
        }
    }

    /// The process begins: it hears which cores there are, and what waits.
    fn begin(&mut self) {
        let cores = Cores([Core::sample(&name(0), Kind::Http), Core::sample(&name(1), Kind::Grpc)].into());
        self.state.configure(&cores, self.now);
        let waiting = self.store.keys().filter_map(|who| self.waiting(*who)).collect();
        self.state.load(waiting, HashMap::new());
    }

    fn waiting(&self, who: i64) -> Option<Waiting> {
        let first = self.store.get(&who)?.front()?;
        Some(Waiting {
            conversation: ConversationId(who),
            key: format!("c{who}"),
            core: self.homes[&who].clone(),
            core_before_pause: None,
            first_seq: first.event.number(),
            count: u32::try_from(self.store[&who].len()).expect("few"),
            oldest: lanes::accepted(first),
        })
    }

    fn stored(&mut self, who: i64, seq: u32, body: v1::event::Body) -> Arc<Stored> {
        self.row += 1;
        Arc::new(Stored {
            row: self.row,
            conversation: ConversationId(who),
            core: self.homes[&who].clone(),
            event: v1::Event {
                id: format!("e{}", self.row),
                epoch: 1,
                seq,
                accepted_time: Some(Timestamp::from_millis(self.now)),
                body: Some(body),
                ..Default::default()
            }
            .into(),
        })
    }

    fn happens(&mut self, what: &Happens) {
        match what {
            Happens::Arrives(who, costs) => {
                let seq = self.seqs.entry(*who).or_default();
                *seq += 1;
                let seq = *seq;
                let stored = self.stored(*who, seq, v1::event::Body::Message(v1::Message::default()));
                self.store.entry(*who).or_default().push_back(stored.clone());
                self.state.arrived(&stored, *costs);
            }
            Happens::Looks => {
                self.looks();
            }
            Happens::GoesOn(at, becomes) => {
                if !self.flights.is_empty() {
                    self.goes_on(at % self.flights.len(), *becomes);
                }
            }
            Happens::Passes(millis) => self.now += millis,
            Happens::Back(millis) => self.now -= millis,
            Happens::Hurries(who) => self.state.expedite(ConversationId(*who), self.now),
            Happens::Wakes => {
                self.state.wake_core(&name(0));
            }
            Happens::Moves(who, core) => self.moves(*who, core.map(name)),
        }
        self.holds();
    }

    /// The store gives what waits to another core, and says so.
    fn moves(&mut self, who: i64, core: Option<Arc<str>>) {
        self.homes.insert(who, core.clone());
        for stored in self.store.entry(who).or_default() {
            let mut moved = Stored::clone(stored);
            moved.core = core.clone();
            *stored = Arc::new(moved);
        }
        if let Some(waiting) = self.waiting(who) {
            self.state.moved(&waiting);
        }
    }

    /// When to look again.
    fn looks(&mut self) -> Option<Millis> {
        let (jobs, timer) = self.state.due(self.now);
        jobs.into_iter().for_each(|job| self.begins(job));
        timer
    }

    fn begins(&mut self, job: Job) {
        let other = self.flights.iter().any(|it| it.job.conversation == job.conversation);
        assert!(!other, "two attempts of one conversation");
        let at = if job.run.is_empty() { At::Asked } else { At::Offered };
        if matches!(at, At::Offered) {
            self.fits(&job);
        }
        self.flights.push(Flight { job, at });
    }

    /// What is offered is the first of what is undelivered, to the core that has it.
    fn fits(&self, job: &Job) {
        let rows = |events: &mut dyn Iterator<Item = &Arc<Stored>>| events.map(|it| it.row).collect::<Vec<_>>();
        let first = rows(&mut self.store[&job.conversation.0].iter().take(job.run.len()));
        assert_eq!(rows(&mut job.run.iter()), first, "not the first of what waits");
        let home = self.homes[&job.conversation.0].as_ref();
        assert_eq!(Some(&job.core.name), home, "not its core");
        assert!(job.attempt > 0);
        assert!(!job.probe || job.run.len() == 1, "a probe is one event");
    }

    fn goes_on(&mut self, at: usize, becomes: Becomes) {
        let mut flight = self.flights.remove(at);
        let slot = flight.job.slot;
        if let Some(next) = self.step(&mut flight, becomes) {
            flight.at = next;
            self.flights.push(flight);
        } else if !flight.job.settled {
            panic!("an attempt was forgotten");
        }
        // As a worker does whose attempt has left its lane.
        if let Some(next) = self.state.next(slot, self.now) {
            self.begins(next);
        }
    }

    /// `None`: the attempt has left its lane.
    fn step(&mut self, flight: &mut Flight, becomes: Becomes) -> Option<At> {
        let rest = Settled::Afresh(self.now + 1_000);
        let (job, at) = (&mut flight.job, std::mem::replace(&mut flight.at, At::Asked));
        if matches!(becomes, Becomes::StoreFails) && !matches!(at, At::Offered) {
            self.state.settle(job, rest);
            return None;
        }
        match at {
            At::Asked => {
                let of = self.store.get(&job.conversation.0);
                let events: Vec<_> = of.into_iter().flatten().take(BATCH).cloned().collect();
                let all = of.is_none_or(|it| it.len() == events.len());
                Some(At::Read(Pending { events, all }))
            }
            At::Read(pending) => {
                let all = pending.all;
                if self.state.filled(job, pending) {
                    self.fits(job);
                    return Some(At::Offered);
                }
                self.state.settle(job, if all { Settled::Empty } else { rest });
                None
            }
            At::Offered => self.offered(job, becomes),
            At::Committing(count, then) => {
                let rows: Vec<i64> = job.run.iter().take(count).map(|it| it.row).collect();
                self.store
                    .get_mut(&job.conversation.0)
                    .expect("undelivered")
                    .retain(|it| !rows.contains(&it.row));
                match then {
                    None => {
                        self.state.settle(job, Settled::Taken { rows });
                        None
                    }
                    Some(outcome) => {
                        self.state.go_on(job, &rows);
                        self.missed(job, outcome);
                        None
                    }
                }
            }
        }
    }

    fn offered(&mut self, job: &mut Job, becomes: Becomes) -> Option<At> {
        let why = String::new;
        let outcome = match becomes {
            Becomes::Taken => {
                let count = job.run.len();
                self.state.took(job, count, self.now);
                return Some(At::Committing(count, None));
            }
            Becomes::TakenInPart(count) if count < job.run.len() => {
                self.state.took(job, count, self.now);
                return Some(At::Committing(count, Some(failed())));
            }
            Becomes::TakenInPart(_) | Becomes::Failed | Becomes::StoreFails => failed(),
            Becomes::Refused => Outcome::Refused {
                after: None,
                why: why(),
            },
            Becomes::Again => Outcome::Again {
                after: None,
                why: why(),
            },
            Becomes::Slow(after) => Outcome::Slow { after, why: why() },
            Becomes::Down => Outcome::Down {
                after: None,
                why: why(),
            },
        };
        self.missed(job, outcome);
        None
    }

    fn missed(&mut self, job: &mut Job, outcome: Outcome) {
        let first = job.run[0].clone();
        let moment = Moment {
            now: self.now,
            draw: 0.5,
        };
        match self.state.judge(job, &first, outcome, moment).0 {
            Step::Take(Answer { .. }) => {
                let of = self.store.get_mut(&job.conversation.0).expect("undelivered");
                of.retain(|it| it.row != first.row);
                self.state.settle(job, Settled::Taken { rows: vec![first.row] });
            }
            Step::Park(..) => {
                let gap = v1::event::Body::Gap(v1::Gap::default());
                let gap = self.stored(job.conversation.0, first.event.number(), gap);
                let of = self.store.get_mut(&job.conversation.0).expect("undelivered");
                let place = of.iter_mut().find(|it| it.row == first.row).expect("the first");
                *place = gap.clone();
                self.state.settle(job, Settled::Replaced { row: first.row, gap });
            }
            Step::Leave | Step::Alone | Step::Note(_) => {}
        }
    }

    /// What holds at any moment.
    fn holds(&self) {
        let (_, (_, bytes)) = self.state.sizes();
        assert!(bytes <= 8 << 20, "{bytes} bytes in memory");
        for at in 0..2 {
            let told = self.state.core_state(&name(at)).map_or(0, |it| it.in_flight);
            let slot = self.flights.iter().filter(|it| it.job.core.name == name(at));
            let taken = |it: &Flight| match it.at {
                At::Committing(count, _) => u32::try_from(count).expect("few"),
                _ => 1,
            };
            assert_eq!(told, slot.map(taken).sum::<u32>(), "attempts at {}", name(at));
        }
    }

    /// Everybody says one thing more. From now on everything is taken, and time passes as the machine asks for it.
    fn ends(&mut self) {
        for who in 0..CONVERSATIONS {
            if self.homes[&who].is_none() {
                self.moves(who, Some(name(0)));
            }
            self.happens(&Happens::Arrives(who, 2_000));
        }
        for _ in 0..ENOUGH {
            let timer = self.looks();
            self.holds();
            match timer {
                _ if !self.flights.is_empty() => self.goes_on(0, Becomes::Taken),
                Some(at) => {
                    assert!(at > self.now, "due and not begun");
                    self.now = at;
                }
                None => break,
            }
        }
        let left: usize = self.store.values().map(VecDeque::len).sum();
        assert_eq!((left, self.flights.len()), (0, 0), "left behind");
        assert_eq!(self.state.sizes(), (0, (0, 0)), "nothing is remembered of it");
        assert!(!self.state.is_committing());
        assert!(self.state.backlog().iter().all(|it| it.count == 0));
    }
}

fn name(at: usize) -> Arc<str> {
    ["main", "grpc"][at].into()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]
    #[test]
    fn whatever_happens_everything_is_heard_once_in_its_order(
        before in prop::collection::vec(happens(), 0..10),
        steps in prop::collection::vec(happens(), 1..80),
    ) {
        let mut world = World::new();
        before.iter().for_each(|it| world.happens(it));
        world.begin();
        steps.iter().for_each(|it| world.happens(it));
        world.ends();
    }
}
