//! How does the last day look? `/admin/v1/charts/{name}` draws it as an SVG without a script, `/admin/v1/today` adds it up.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{self, Data},
};
use serde_json::{Value, json};

use super::told;
use crate::{
    doctor::Lang,
    observe::day::{MINUTE, Minute, REACH},
    ports::clock::Millis,
    web::{
        Answer, Problem, State,
        chart::{self, Chart, Ink, Series, Tone, Unit},
        lang,
        params::Params,
        shapes,
        table::{Call, Gives, Kind, Query, Shape},
    },
};

pub const CALLS: &[Call] = &[
    Call::get("/admin/v1/today", "The last day, added up, and what waits now", || {
        web::get().to(today)
    })
    .gives(&[(200, Gives::Json(Shape::Own("Today", described)))]),
    Call::get("/admin/v1/charts/{name}", "A chart of the last day, as SVG", || {
        web::get().to(drawn)
    })
    .more("`name` is `callbacks`, `answer-times`, `sends` or `backlog-age`.")
    .query(&[
        Query::new("width", Kind::Limit(720), "In pixels, 280 to 1600; it is half as high"),
        Query::new(
            "theme",
            Kind::OneOf(&["light", "dark"]),
            "Light unless it says otherwise",
        ),
        Query::new(
            "lang",
            Kind::OneOf(&["en", "zh"]),
            "Without it `Accept-Language` decides",
        ),
        Query::new("zone", Kind::Text, "Minutes that the reader's clock is ahead of UTC"),
        Query::new("at", Kind::Text, "Anything: a browser asks anew where it changes"),
    ])
    .gives(&[(200, Gives::Bytes)])
    .refuses(&[404]),
];

fn described() -> Value {
    shapes::object(
        ["callbacks", "unanswered", "failed", "waiting", "parked", "quarantined"].map(|name| (name, shapes::count())),
        [],
    )
}

/// Counted no further: what is more is many.
const MANY: usize = 1_000;

/// Puts down what the metrics say now; once a minute, and whenever somebody looks.
pub fn sample_day(state: &State) {
    let now = state.clock.now();
    let age = |oldest: Millis| (now - oldest).max(0).unsigned_abs() / 1_000;
    let lag = state.delivery.lag().into_iter();
    let ages = lag.filter_map(|(core, waiting)| Some((core, age(waiting.oldest?))));
    state.observer.day.sample(&state.observer.metrics, ages.collect(), now);
}

async fn today(request: HttpRequest, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    sample_day(&state);
    let mut day = Minute::default();
    for (_, minute) in state.observer.day.minutes() {
        day.add(&minute);
    }
    let sum = |counts: &BTreeMap<String, u64>, names: &[&str]| -> u64 {
        counts
            .iter()
            .filter(|(name, _)| names.is_empty() || names.contains(&name.as_str()))
            .map(|(_, count)| count)
            .sum()
    };
    let waiting: u64 = state.delivery.lag().values().map(|lag| lag.events).sum();
    let told_ = json!({
        "callbacks": sum(&day.callbacks, &[]),
        "unanswered": sum(&day.callbacks, UNANSWERED),
        "failed": sum(&day.sends, FAILED),
        "waiting": waiting,
        "parked": state.store.parked(None, MANY).await?.len(),
        "quarantined": state.store.quarantined(None, MANY).await?.len(),
    });
    told(StatusCode::OK, &told_)
}

/// Kinds of answers, as the metric names them.
const UNANSWERED: &[&str] = &["closed", "unavailable"];
const REFUSED: &[&str] = &["refused", "quarantined"];
const PASSIVE: &[&str] = &["passive"];
/// Statuses of messages, as the schema names them.
const FAILED: &[&str] = &["FAILED", "EXPIRED"];
const DOUBTFUL: &[&str] = &["UNKNOWN", "HELD"];
const WENT: &[&str] = &["SENT", "HANDED_OVER", "RECALLED"];

async fn drawn(request: HttpRequest, name: web::Path<String>, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let width = query.text("width")?;
    let (theme, said, zone) = (query.filled("theme")?, query.filled("lang")?, query.filled("zone")?);
    query.text("at")?;
    query.done()?;
    let ink = match theme.as_deref() {
        None | Some("light") => Ink::LIGHT,
        Some("dark") => Ink::DARK,
        Some(other) => return Err(Problem::invalid(format!("theme is {other:?}, expected light or dark"))),
    };
    let lang = match said.as_deref() {
        None => lang::spoken(),
        Some("zh") => Lang::Zh,
        Some(_) => Lang::En,
    };
    sample_day(&state);
    let width = within("width", width, 720, 280, 1600)?;
    let zone = within("zone", zone, 0, -14 * 60, 14 * 60)?;
    let now = state.clock.now();
    // The bar of now is as wide as the others.
    let until = now - now.rem_euclid(SPAN) + SPAN;
    let series = series(&name, lang, &state.observer.day.minutes(), until)?;
    let chart = Chart {
        width: width.unsigned_abs(),
        height: (width / 2).unsigned_abs(),
        ink,
        from: until - REACH,
        until,
        zone: i64::from(zone) * MINUTE,
        unit: unit(&name),
    };
    let svg = chart::draw(&chart, &series).map_err(|error| {
        tracing::warn!(%error, "a chart could not be drawn");
        Problem::new(crate::error::Code::Overloaded, "the chart could not be drawn")
    })?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "image/svg+xml"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        .body(svg))
}

fn within(name: &str, said: Option<String>, usual: i32, least: i32, most: i32) -> Answer<i32> {
    let Some(said) = said else { return Ok(usual) };
    said.parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| Problem::invalid(format!("{name} is {said:?}, expected a number from {least} to {most}")))
}

fn unit(name: &str) -> Unit {
    match name {
        "answer-times" => Unit::Millis,
        "backlog-age" => Unit::Seconds,
        _ => Unit::Count,
    }
}

/// What of a minute goes together: a name, whether it is good news, and which counts.
type Group = ((&'static str, &'static str), Tone, &'static [&'static str]);

const CALLBACKS: [Group; 4] = [
    (("acknowledged", "已确认"), Tone::Calm, &[]),
    (("passive reply", "被动回复"), Tone::Good, PASSIVE),
    (("refused", "已拒绝"), Tone::Warn, REFUSED),
    (("not answered", "未应答"), Tone::Bad, UNANSWERED),
];
const SENDS: [Group; 4] = [
    (("went out", "已下发"), Tone::Good, WENT),
    (("on its way", "进行中"), Tone::Calm, &[]),
    (("not known, or held", "未知或暂存"), Tone::Warn, DOUBTFUL),
    (("failed", "失败"), Tone::Bad, FAILED),
];

fn series(name: &str, lang: Lang, minutes: &[(Millis, Minute)], until: Millis) -> Answer<Vec<Series>> {
    let spans = spans(minutes, until);
    match name {
        "callbacks" => Ok(stacked(&CALLBACKS, lang, &spans, |minute| &minute.callbacks)),
        "sends" => Ok(stacked(&SENDS, lang, &spans, |minute| &minute.sends)),
        "answer-times" => {
            let line = |name: &str, tone, share| Series {
                name: name.to_owned(),
                tone,
                points: points(&spans, |minute| minute.quantile(share)),
            };
            Ok(vec![
                line(of(("half of them", "一半"), lang), Tone::Good, 0.5),
                line(of(("99 of 100", "百分之九十九"), lang), Tone::Calm, 0.99),
                line(of(("the slowest", "最慢"), lang), Tone::Warn, 1.0),
            ])
        }
        "backlog-age" => Ok(ages(&spans)),
        _ => Err(Problem::not_found(format!("there is no chart {name}"))),
    }
}

fn of(words: (&'static str, &'static str), lang: Lang) -> &'static str {
    match lang {
        Lang::En => words.0,
        Lang::Zh => words.1,
    }
}

/// So many minutes stand together: one bar.
const SPAN: Millis = 15 * MINUTE;

fn spans(minutes: &[(Millis, Minute)], until: Millis) -> BTreeMap<Millis, Minute> {
    let mut spans: BTreeMap<Millis, Minute> = BTreeMap::new();
    for (at, minute) in minutes.iter().filter(|(at, _)| *at > until - REACH) {
        spans.entry(at - at.rem_euclid(SPAN)).or_default().add(minute);
    }
    spans
}

fn points(spans: &BTreeMap<Millis, Minute>, value: impl Fn(&Minute) -> Option<f64>) -> Vec<(Millis, f64)> {
    let points = spans.iter().map(|(at, minute)| Some((*at, value(minute)?)));
    points.flatten().collect()
}

/// Groups of counts; the one without names has what no other names.
fn stacked(
    groups: &[Group],
    lang: Lang,
    spans: &BTreeMap<Millis, Minute>,
    counts: impl Fn(&Minute) -> &BTreeMap<String, u64>,
) -> Vec<Series> {
    let named: Vec<&str> = groups.iter().flat_map(|(_, _, names)| names.iter().copied()).collect();
    let one = |(words, tone, names): &Group| Series {
        name: of(*words, lang).to_owned(),
        tone: *tone,
        points: points(spans, |minute| {
            let mine = counts(minute).iter().filter(|(name, _)| match names.is_empty() {
                true => !named.contains(&name.as_str()),
                false => names.contains(&name.as_str()),
            });
            Some(mine.map(|(_, count)| *count as f64).sum())
        }),
    };
    groups.iter().map(one).collect()
}

/// A line for each core; more than so many are not told apart.
const LINES: usize = 4;

fn ages(spans: &BTreeMap<Millis, Minute>) -> Vec<Series> {
    let mut worst: BTreeMap<&str, u64> = BTreeMap::new();
    for (core, age) in spans.values().flat_map(|minute| &minute.backlog_age) {
        let known = worst.entry(core).or_default();
        *known = (*known).max(*age);
    }
    let mut cores: Vec<(&str, u64)> = worst.into_iter().collect();
    cores.sort_by_key(|(_, age)| std::cmp::Reverse(*age));
    let tones = [Tone::Calm, Tone::Good, Tone::Warn, Tone::Bad];
    let line = |((core, _), tone): ((&str, u64), Tone)| Series {
        name: if core.is_empty() {
            "–".to_owned()
        } else {
            core.to_owned()
        },
        tone,
        points: points(spans, |minute| {
            Some(minute.backlog_age.get(core).copied().unwrap_or(0) as f64)
        }),
    };
    cores.into_iter().take(LINES).zip(tones).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_752_000_000_000;

    fn minute(answers: &[(&str, u64)]) -> Minute {
        Minute {
            callbacks: answers
                .iter()
                .map(|(name, count)| ((*name).to_owned(), *count))
                .collect(),
            ..Minute::default()
        }
    }

    #[test]
    fn every_answer_stands_in_one_group_and_quarter_hours_stand_together() {
        let minutes = [
            (NOW, minute(&[("success", 3), ("passive", 2), ("closed", 1)])),
            (NOW + MINUTE, minute(&[("echostr", 1), ("refused", 4)])),
            (NOW - 2 * REACH, minute(&[("success", 99)])),
        ];
        let series = series("callbacks", Lang::Zh, &minutes, NOW + 2 * MINUTE).expect("drawn");
        let sums: Vec<f64> = series
            .iter()
            .map(|it| it.points.iter().map(|(_, count)| count).sum())
            .collect();
        assert_eq!(sums, [4.0, 2.0, 4.0, 1.0]);
        assert!(series.iter().all(|it| it.points.len() == 1), "{series:?}");
        assert_eq!(series[0].name, "已确认");
    }
}
