//! How are the numbers shown? A table, plain for a terminal or in Markdown for a page.

use std::time::Duration;

use crate::process::Bytes;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Plain,
    Markdown,
}

/// One question with its numbers.
pub struct Table {
    pub title: String,
    pub columns: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
    /// What a reader must know to read it.
    pub note: String,
}

impl Table {
    pub fn render(&self, form: Form) -> String {
        let heads: Vec<String> = self.columns.iter().map(ToString::to_string).collect();
        let lines = std::iter::once(&heads).chain(&self.rows);
        match form {
            Form::Plain => {
                let widths = self.widths();
                let lines: Vec<String> = lines.map(|cells| aligned(cells, &widths)).collect();
                format!("{}\n{}\n{}\n", self.title, lines.join("\n"), self.note)
            }
            Form::Markdown => {
                let mut lines: Vec<String> = lines.map(|cells| format!("| {} |", cells.join(" | "))).collect();
                lines.insert(1, format!("|{}", "---|".repeat(heads.len())));
                format!("**{}**\n\n{}\n\n{}\n", self.title, lines.join("\n"), self.note)
            }
        }
    }

    fn widths(&self) -> Vec<usize> {
        let width = |(at, head): (usize, &&str)| {
            let cells = self.rows.iter().filter_map(|row| row.get(at));
            cells
                .map(|cell| cell.chars().count())
                .fold(head.chars().count(), usize::max)
        };
        self.columns.iter().enumerate().map(width).collect()
    }
}

fn aligned(cells: &[String], widths: &[usize]) -> String {
    let padded = cells.iter().zip(widths).map(|(cell, &width)| format!("{cell:<width$}"));
    let line: Vec<String> = padded.collect();
    format!("  {}", line.join("  ").trim_end())
}

/// The middle one; 0 of none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.get(sorted.len() / 2), sorted.len()) {
        (None, _) => 0.0,
        (Some(middle), count) if count % 2 == 1 => *middle,
        (Some(above), count) => (above + sorted[count / 2 - 1]) / 2.0,
    }
}

/// "0.43 (0.40-0.47)"
pub fn spread(values: &[f64], decimals: usize) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{:.decimals$} ({least:.decimals$}-{most:.decimals$})", median(values))
}

/// "41,500"
pub fn count(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

pub fn mib(bytes: Option<Bytes>) -> String {
    bytes.map_or("-".into(), |bytes| format!("{:.0}", bytes.mib()))
}

/// Milliseconds with two decimals.
pub fn millis(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1e3)
}
