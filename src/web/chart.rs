//! How does a chart look? Bars upon each other for counts, lines for times, hours below; an SVG of shapes and text alone.

use std::error::Error;

use plotters::{
    coord::types::RangedCoordf64,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::ports::clock::Millis;

const HOUR: Millis = 3_600_000;
/// Bars and lines of a quarter of an hour.
const BAR: Millis = 15 * 60_000;
const FONT: &str = "system-ui, sans-serif";
const TEXT: u32 = 12;

/// Which news a series is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Calm,
    Good,
    Warn,
    Bad,
}

/// What the numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Counts: bars upon each other.
    Count,
    Millis,
    Seconds,
}

#[derive(Clone, Debug)]
pub struct Series {
    pub name: String,
    pub tone: Tone,
    pub points: Vec<(Millis, f64)>,
}

/// Colours of a theme.
#[derive(Clone, Copy, Debug)]
pub struct Ink {
    text: RGBColor,
    rule: RGBColor,
    tones: [RGBColor; 4],
}

impl Ink {
    pub const LIGHT: Self = Self {
        text: RGBColor(95, 108, 100),
        rule: RGBColor(223, 228, 219),
        tones: [
            RGBColor(92, 134, 214),
            RGBColor(34, 160, 103),
            RGBColor(214, 138, 24),
            RGBColor(196, 57, 48),
        ],
    };
    pub const DARK: Self = Self {
        text: RGBColor(157, 171, 162),
        rule: RGBColor(43, 51, 47),
        tones: [
            RGBColor(120, 160, 235),
            RGBColor(75, 212, 141),
            RGBColor(240, 180, 90),
            RGBColor(255, 138, 128),
        ],
    };

    fn of(&self, tone: Tone) -> RGBColor {
        self.tones[tone as usize]
    }
}

/// The sheet that a chart is drawn on.
#[derive(Clone, Copy, Debug)]
pub struct Chart {
    pub width: u32,
    pub height: u32,
    pub ink: Ink,
    pub from: Millis,
    pub until: Millis,
    /// How far the reader's clock is ahead of UTC.
    pub zone: Millis,
    pub unit: Unit,
}

type Failed = Box<dyn Error + Send + Sync>;
type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Plot<'a, 's> = ChartContext<'a, SVGBackend<'s>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The whole picture.
pub fn draw(chart: &Chart, series: &[Series]) -> Result<String, Failed> {
    let mut svg = String::new();
    let drawn = on(chart, series, &mut svg);
    // The library's error borrows what it was drawing on.
    drawn.map_err(|error| Failed::from(error.to_string()))?;
    Ok(svg)
}

fn on(chart: &Chart, series: &[Series], svg: &mut String) -> Result<(), Box<dyn Error>> {
    let sheet = SVGBackend::with_string(svg, (chart.width, chart.height)).into_drawing_area();
    legend(chart, series, &sheet)?;
    let top = top(chart.unit, series);
    let mut plot = ChartBuilder::on(&sheet)
        .margin_top(30)
        .margin_right(8)
        .set_label_area_size(LabelAreaPosition::Left, 52)
        .set_label_area_size(LabelAreaPosition::Bottom, 24)
        .build_cartesian_2d(chart.from as f64..chart.until as f64, 0.0..top)?;
    let text = (FONT, TEXT).into_font().color(&chart.ink.text);
    let unit = chart.unit;
    plot.configure_mesh()
        .disable_x_mesh()
        .disable_x_axis()
        .y_labels(4)
        .y_label_style(text)
        .y_label_formatter(&|value| label(unit, *value))
        .bold_line_style(chart.ink.rule)
        .light_line_style(TRANSPARENT)
        .axis_style(chart.ink.rule)
        .draw()?;
    hours(chart, &sheet, &plot)?;
    match unit {
        Unit::Count => bars(chart, series, &mut plot)?,
        Unit::Millis | Unit::Seconds => lines(chart, series, &mut plot)?,
    }
    sheet.present()?;
    Ok(())
}

/// The highest value that is shown: a little above the highest there is.
fn top(unit: Unit, series: &[Series]) -> f64 {
    let highest = match unit {
        Unit::Count => {
            let mut sums = std::collections::BTreeMap::<Millis, f64>::new();
            for (at, value) in series.iter().flat_map(|it| &it.points) {
                *sums.entry(*at).or_default() += value;
            }
            sums.into_values().fold(0.0, f64::max)
        }
        _ => series
            .iter()
            .flat_map(|it| &it.points)
            .map(|(_, value)| *value)
            .fold(0.0, f64::max),
    };
    (highest * 1.08).max(4.0)
}

/// Names with their colours, side by side above.
fn legend(chart: &Chart, series: &[Series], sheet: &Area<'_>) -> Result<(), Box<dyn Error>> {
    let each = chart.width as i32 / i32::try_from(series.len()).unwrap_or(1).max(1);
    let style = (FONT, TEXT).into_font().color(&chart.ink.text);
    for (at, it) in series.iter().enumerate() {
        let x = 6 + each * i32::try_from(at).unwrap_or(0);
        let colour = chart.ink.of(it.tone).filled();
        sheet.draw(&Rectangle::new([(x, 8), (x + 10, 18)], colour))?;
        sheet.draw(&Text::new(it.name.clone(), (x + 15, 8), style.clone()))?;
    }
    Ok(())
}

/// Every fourth hour of the reader's day.
fn hours(chart: &Chart, sheet: &Area<'_>, plot: &Plot<'_, '_>) -> Result<(), Box<dyn Error>> {
    let every = if chart.width < 420 { 6 * HOUR } else { 3 * HOUR };
    let style = (FONT, TEXT).into_font().color(&chart.ink.text);
    let style = style.pos(Pos::new(HPos::Center, VPos::Top));
    let local = chart.from + chart.zone;
    let mut at = local - local.rem_euclid(every) + every;
    while at - chart.zone <= chart.until {
        let (x, y) = plot.backend_coord(&((at - chart.zone) as f64, 0.0));
        let line = [(x, y), (x, y + 4)];
        sheet.draw(&PathElement::new(line, chart.ink.text))?;
        let hour = format!("{:02}:00", at.rem_euclid(24 * HOUR) / HOUR);
        sheet.draw(&Text::new(hour, (x, y + 8), style.clone()))?;
        at += every;
    }
    Ok(())
}

fn bars(chart: &Chart, series: &[Series], plot: &mut Plot<'_, '_>) -> Result<(), Box<dyn Error>> {
    let mut below = std::collections::BTreeMap::<Millis, f64>::new();
    for it in series {
        let colour = chart.ink.of(it.tone);
        let mut drawn = Vec::new();
        for (at, value) in it.points.iter().filter(|(_, value)| *value > 0.0) {
            let base = below.entry(*at).or_default();
            let (left, right) = (*at.max(&chart.from) as f64, (at + BAR * 9 / 10).min(chart.until) as f64);
            drawn.push(Rectangle::new([(left, *base), (right, *base + value)], colour.filled()));
            *base += value;
        }
        plot.draw_series(drawn)?;
    }
    Ok(())
}

/// A line breaks where nothing was seen.
fn lines(chart: &Chart, series: &[Series], plot: &mut Plot<'_, '_>) -> Result<(), Box<dyn Error>> {
    for it in series {
        let colour = chart.ink.of(it.tone);
        for run in it.points.chunk_by(|a, b| b.0 - a.0 <= 2 * BAR) {
            let middle = |(at, value): &(Millis, f64)| ((at + BAR / 2).min(chart.until).max(chart.from) as f64, *value);
            let line: Vec<(f64, f64)> = run.iter().map(middle).collect();
            match line.as_slice() {
                [alone] => plot
                    .draw_series([Circle::new(*alone, 2, colour.filled())])
                    .map(|_| ())?,
                _ => plot
                    .draw_series([PathElement::new(line, colour.stroke_width(2))])
                    .map(|_| ())?,
            }
        }
    }
    Ok(())
}

fn label(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Count if value >= 1_000_000.0 => format!("{:.1}M", value / 1_000_000.0),
        Unit::Count if value >= 1_000.0 => format!("{:.1}k", value / 1_000.0),
        Unit::Count => format!("{value:.0}"),
        Unit::Millis if value >= 1_000.0 => format!("{:.1} s", value / 1_000.0),
        Unit::Millis => format!("{value:.0} ms"),
        Unit::Seconds if value >= 7_200.0 => format!("{:.0} h", value / 3_600.0),
        Unit::Seconds if value >= 120.0 => format!("{:.0} min", value / 60.0),
        Unit::Seconds => format!("{value:.0} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_752_000_000_000;

    fn chart(unit: Unit) -> Chart {
        Chart {
            width: 320,
            height: 160,
            ink: Ink::LIGHT,
            from: NOW - 24 * HOUR,
            until: NOW,
            zone: 8 * HOUR,
            unit,
        }
    }

    #[test]
    fn a_chart_is_shapes_and_text_and_a_name_stays_text() {
        let series = [Series {
            name: "<script>alert(1)</script>".into(),
            tone: Tone::Bad,
            points: vec![(NOW - HOUR, 3.0), (NOW - HOUR + BAR, 0.0), (NOW - 9 * HOUR, 1e9)],
        }];
        for unit in [Unit::Count, Unit::Millis, Unit::Seconds] {
            let svg = draw(&chart(unit), &series).expect("drawn");
            assert!(svg.starts_with("<svg") && svg.contains("&lt;script&gt;"), "{svg}");
            assert!(
                !svg.contains("<script") && !svg.contains("href") && !svg.contains("style="),
                "{svg}"
            );
        }
    }

    #[test]
    fn a_day_without_anything_is_drawn_too() {
        for unit in [Unit::Count, Unit::Millis, Unit::Seconds] {
            let svg = draw(&chart(unit), &[]).expect("drawn");
            assert!(svg.contains("00:00") || svg.contains("06:00"), "{svg}");
        }
    }
}
