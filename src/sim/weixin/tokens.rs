//! Which access token is good? The two token calls and how they kill each other's and their own predecessors
//! (/doc/subscription/api/base/api_getaccesstoken.html, …/api_getstableaccesstoken.html).

use crate::sim::{refusal::Refusal, world::Millis};

const OVERLAP: Millis = 5 * 60 * 1000;
const DAY: Millis = 24 * 3600 * 1000;
const FORCED_GAP: Millis = 30 * 1000;
const FORCED_A_DAY: usize = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Classic,
    Stable,
    /// Given to a third-party platform.
    Granted,
}

#[derive(Clone, Debug)]
struct Token {
    value: String,
    kind: Kind,
    expires: Millis,
    /// Another token took its place; good until then.
    dies: Millis,
}

/// The tokens of one account. The two kinds never touch each other.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    rows: Vec<Token>,
    forced: Vec<Millis>,
}

impl Tokens {
    pub fn knows(&self, value: &str) -> bool {
        self.rows.iter().any(|row| row.value == value)
    }

    /// May a call be made with it?
    pub fn check(&self, value: &str, now: Millis) -> Result<(), Refusal> {
        match self.rows.iter().find(|row| row.value == value) {
            Some(row) if now >= row.dies => Err(Refusal::code(40001)),
            Some(row) if now >= row.expires => Err(Refusal::code(42001)),
            Some(_) => Ok(()),
            None => Err(Refusal::code(40001)),
        }
    }

    /// `GET /cgi-bin/token`: always a new one; the one before lives five minutes more.
    pub fn classic(&mut self, fresh: String, life: Millis, now: Millis) -> (String, Millis) {
        self.replace(Kind::Classic, now + OVERLAP);
        self.add(Kind::Classic, fresh, life, now)
    }

    /// `POST /cgi-bin/stable_token`: the same one until five minutes before its end, unless forced.
    pub fn stable(
        &mut self,
        fresh: String,
        life: Millis,
        force: bool,
        now: Millis,
    ) -> Result<(String, Millis), Refusal> {
        if force {
            self.count_forced(now)?;
            self.replace(Kind::Stable, now);
        }
        let current = self.rows.iter().rev().find(|row| row.kind == Kind::Stable);
        if let Some(row) = current.filter(|row| row.dies > now && row.expires - OVERLAP > now) {
            return Ok((row.value.clone(), row.expires - now));
        }
        Ok(self.add(Kind::Stable, fresh, life, now))
    }

    /// One more for a third-party platform; those before it live on to their ends.
    pub fn granted(&mut self, fresh: String, life: Millis, now: Millis) -> (String, Millis) {
        self.add(Kind::Granted, fresh, life, now)
    }

    /// Every token dies at once: the secret was reset, or another system took over.
    pub fn kill(&mut self, now: Millis) {
        self.replace(Kind::Classic, now);
        self.replace(Kind::Stable, now);
        self.replace(Kind::Granted, now);
    }

    fn count_forced(&mut self, now: Millis) -> Result<(), Refusal> {
        self.forced.retain(|at| now - at < DAY);
        if self.forced.len() >= FORCED_A_DAY {
            return Err(Refusal::code(45009));
        }
        if self.forced.last().is_some_and(|last| now - last < FORCED_GAP) {
            return Err(Refusal::code(45011));
        }
        self.forced.push(now);
        Ok(())
    }

    fn replace(&mut self, kind: Kind, dies: Millis) {
        for row in self.rows.iter_mut().filter(|row| row.kind == kind) {
            row.dies = row.dies.min(dies);
        }
    }

    fn add(&mut self, kind: Kind, value: String, life: Millis, now: Millis) -> (String, Millis) {
        self.rows.retain(|row| now - row.expires < DAY);
        self.rows.push(Token {
            value: value.clone(),
            kind,
            expires: now + life,
            dies: Millis::MAX,
        });
        (value, life)
    }
}

#[cfg(test)]
mod tests {
    use super::{Refusal, Tokens};

    const MINUTE: i64 = 60_000;
    const LIFE: i64 = 120 * MINUTE;

    #[test]
    fn a_classic_token_outlives_its_successor_by_five_minutes() {
        let mut tokens = Tokens::default();
        tokens.classic("a".to_owned(), LIFE, 0);
        tokens.classic("b".to_owned(), LIFE, MINUTE);
        assert_eq!(tokens.check("a", 5 * MINUTE), Ok(()));
        assert_eq!(tokens.check("a", 6 * MINUTE), Err(Refusal::code(40001)));
        assert_eq!(tokens.check("b", LIFE), Ok(()));
        assert_eq!(tokens.check("b", LIFE + MINUTE), Err(Refusal::code(42001)));
        assert_eq!(tokens.check("c", 0), Err(Refusal::code(40001)));
    }

    #[test]
    fn a_stable_token_stays_the_same_until_five_minutes_before_its_end() {
        let mut tokens = Tokens::default();
        let mut ask = |value: &str, now| tokens.stable(value.to_owned(), LIFE, false, now).expect("a token");
        assert_eq!(ask("a", 0), ("a".to_owned(), LIFE));
        assert_eq!(ask("b", 100 * MINUTE), ("a".to_owned(), 20 * MINUTE));
        assert_eq!(ask("b", 116 * MINUTE), ("b".to_owned(), LIFE));
        assert_eq!(tokens.check("a", 119 * MINUTE), Ok(()));
    }

    #[test]
    fn forcing_kills_the_old_one_and_is_rationed() {
        let mut tokens = Tokens::default();
        let mut force = |now: i64| tokens.stable(format!("t{now}"), LIFE, true, now);
        assert!(force(0).is_ok());
        assert_eq!(force(MINUTE / 4), Err(Refusal::code(45011)));
        for turn in 1..20 {
            assert!(force(turn * MINUTE).is_ok(), "{turn}");
        }
        assert_eq!(force(30 * MINUTE), Err(Refusal::code(45009)));
        assert_eq!(tokens.check("t0", 31 * MINUTE), Err(Refusal::code(40001)));
    }

    #[test]
    fn the_two_kinds_leave_each_other_alone() {
        let mut tokens = Tokens::default();
        tokens.stable("s".to_owned(), LIFE, false, 0).expect("a token");
        tokens.classic("a".to_owned(), LIFE, 0);
        tokens.classic("b".to_owned(), LIFE, 0);
        assert_eq!(tokens.check("s", 10 * MINUTE), Ok(()));
        tokens.kill(11 * MINUTE);
        assert_eq!(tokens.check("s", 11 * MINUTE), Err(Refusal::code(40001)));
        assert_eq!(tokens.check("b", 11 * MINUTE), Err(Refusal::code(40001)));
    }
}
