//! Whatever comes and in whatever order: does every lane run that has something to send, each once at a time, and no account
//! more of them than its share?

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    outbound::{
        lanes::Block,
        shares::{SHARE, Share, Shares},
    },
    ports::store::ConversationId,
};

/// Of two accounts: one has more lanes than run at a time.
const LANES: i64 = SHARE as i64 + 12;
const ENOUGH: usize = 20_000;

#[derive(Clone, Debug)]
enum Happens {
    /// A message for this lane, and for so many behind it.
    Enters(i64, i64),
    /// What waited in it went by another road, or was ended.
    Empties(i64),
    Looks,
    /// The run at this place ends: with all sent, or to go on later.
    Ends(usize, Option<Millis>),
    /// A passive answer is on its way.
    Blocks(i64),
    Unblocks(usize),
    Passes(Millis),
    Back(Millis),
}

fn happens() -> impl Strategy<Value = Happens> {
    let lane = || 0..LANES;
    prop_oneof![
        4 => (lane(), prop_oneof![3 => Just(0), 1 => Just(LANES)]).prop_map(|(lane, more)| Happens::Enters(lane, more)),
        2 => lane().prop_map(Happens::Empties),
        5 => Just(Happens::Looks),
        6 => (0..80_usize, prop_oneof![3 => Just(None), 1 => Just(Some(5_000))]).prop_map(|(at, later)| Happens::Ends(at, later)),
        2 => lane().prop_map(Happens::Blocks),
        2 => (0..8_usize).prop_map(Happens::Unblocks),
        1 => prop_oneof![Just(1), Just(5_000), Just(3_600_000)].prop_map(Happens::Passes),
        1 => prop_oneof![Just(1_000), Just(86_400_000)].prop_map(Happens::Back),
    ]
}

#[derive(Default)]
struct World {
    lanes: Handle,
    shares: Arc<Shares>,
    now: Millis,
    waiting: BTreeMap<i64, usize>,
    running: Vec<(i64, Share)>,
    blocks: Vec<Block>,
}

/// The last few are another account's.
fn account(lane: i64) -> &'static str {
    if lane < LANES - 4 { "many" } else { "few" }
}

impl World {
    fn happens(&mut self, what: &Happens) {
        match *what {
            Happens::Enters(first, more) => {
                for lane in first..=(first + more).min(LANES - 1) {
                    *self.waiting.entry(lane).or_default() += 1;
                    self.lanes.message(ConversationId(lane));
                }
            }
            Happens::Empties(lane) => {
                self.waiting.remove(&lane);
            }
            Happens::Looks => self.looks(),
            Happens::Ends(at, later) => {
                if !self.running.is_empty() {
                    self.ends(at % self.running.len(), later);
                }
            }
            Happens::Blocks(lane) => self.blocks.push(self.lanes.block(ConversationId(lane))),
            Happens::Unblocks(at) => {
                if !self.blocks.is_empty() {
                    self.blocks.remove(at % self.blocks.len());
                }
            }
            Happens::Passes(millis) => self.now += millis,
            Happens::Back(millis) => self.now -= millis,
        }
    }

    /// As the dispatcher does.
    fn looks(&mut self) {
        while let Some(conversation) = self.lanes.next(self.now) {
            let lane = conversation.0;
            assert!(self.running.iter().all(|(it, _)| *it != lane), "it runs already");
            if self.lanes.yields(conversation) || !self.waiting.contains_key(&lane) {
                self.shares.pass_on(conversation, &self.lanes);
            } else if let Some(share) = self.shares.take(account(lane), conversation, &self.lanes) {
                self.running.push((lane, share));
                let of = self.running.iter().filter(|(it, _)| account(*it) == account(lane));
                assert!(of.count() <= SHARE, "more than its share");
                continue;
            }
            self.lanes.done(conversation, None);
        }
    }

    fn ends(&mut self, at: usize, later: Option<Millis>) {
        let (lane, share) = self.running.remove(at);
        if later.is_none() {
            self.waiting.remove(&lane);
        }
        drop(share);
        self.lanes
            .done(ConversationId(lane), later.map(|later| self.now + later));
    }

    /// Nothing keeps anybody any more, and time passes as the lanes ask for it.
    fn comes_to_its_end(&mut self) {
        self.blocks.clear();
        for _ in 0..ENOUGH {
            self.looks();
            if !self.running.is_empty() {
                self.ends(0, None);
            } else if let Some(at) = self.lanes.next_timer() {
                self.now = self.now.max(at);
            } else {
                break;
            }
        }
        assert_eq!(self.waiting, BTreeMap::new(), "left behind");
        assert!(self.running.is_empty() && self.lanes.is_idle() && self.shares.is_idle());
    }
}

proptest! {
    #[test]
    fn every_lane_that_has_something_to_send_has_its_turn(steps in prop::collection::vec(happens(), 1..120)) {
        let mut world = World { now: START, ..World::default() };
        steps.iter().for_each(|it| world.happens(it));
        world.comes_to_its_end();
    }
}
