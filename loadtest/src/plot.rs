//! Curves of cost against load, and their drawings: an SVG for each plot that benchmarks have written
//! into their file.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::Path;

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;
use serde::{Deserialize, Serialize};

use crate::Result;

/// Width and height of a plot, pixels.
const SIZE: (u32, u32) = (720, 400);
/// One for each series; told apart by people who confuse red and green too.
const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 105, 92),
    RGBColor(204, 85, 0),
    RGBColor(68, 68, 170),
    RGBColor(150, 60, 130),
    RGBColor(120, 120, 120),
    RGBColor(150, 120, 0),
    RGBColor(0, 130, 200),
    RGBColor(160, 30, 30),
];
/// Height of a line of the legend, pixels, and about the width of a letter there.
const LEGEND: (i32, i32) = (18, 7);
/// Of the legend's lines, pixels.
const SAMPLE: i32 = 18;

/// Curves over one axis.
#[derive(Serialize, Deserialize)]
pub struct Plot {
    /// Name of the drawing's file, without extension.
    pub file: Cow<'static, str>,
    /// What is shown.
    pub title: Cow<'static, str>,
    /// Across.
    pub x: Axis,
    /// Upwards.
    pub y: Axis,
    /// The curves.
    pub series: Vec<Series>,
}

/// An axis.
#[derive(Serialize, Deserialize)]
pub struct Axis {
    /// What it counts, with the unit.
    label: Cow<'static, str>,
    /// Whether it is logarithmic.
    log: bool,
}

impl Axis {
    pub const fn linear(label: &'static str) -> Self {
        let label = Cow::Borrowed(label);
        Self { label, log: false }
    }

    pub const fn log(label: &'static str) -> Self {
        let label = Cow::Borrowed(label);
        Self { label, log: true }
    }
}

/// One curve.
#[derive(Serialize, Deserialize)]
pub struct Series {
    pub name: String,
    /// In the order of x.
    pub points: Vec<[f64; 2]>,
}

/// What is read of a benchmark's figures.
#[derive(Deserialize)]
struct Report {
    plots: Vec<Plot>,
}

/// Draws the plots of every benchmark in a file, beside it.
pub fn draw_all(file: &Path) -> Result {
    let reports: BTreeMap<String, Report> = serde_json::from_slice(&fs::read(file)?)
        .map_err(|error| format!("{}: {error}", file.display()))?;
    for plot in reports.values().flat_map(|report| &report.plots) {
        let svg = file.with_file_name(format!("{}.svg", plot.file));
        draw(plot, &svg)?;
        println!("{}", svg.display());
    }
    Ok(())
}

fn draw(plot: &Plot, svg: &Path) -> Result {
    let points = || plot.series.iter().flat_map(|series| &series.points);
    let x = range(points().map(|point| point[0]), plot.x.log)?;
    let y = range(points().map(|point| point[1]), plot.y.log)?;
    match (plot.x.log, plot.y.log) {
        (true, true) => draw_on(plot, svg, x.log_scale(), y.log_scale()),
        (true, false) => draw_on(plot, svg, x.log_scale(), y),
        (false, true) => draw_on(plot, svg, x, y.log_scale()),
        (false, false) => draw_on(plot, svg, x, y),
    }
}

/// What an axis shows: from zero, or on a logarithmic one a little more than there is.
fn range(values: impl Iterator<Item = f64>, log: bool) -> Result<Range<f64>> {
    let values: Vec<f64> = values.filter(|value| !log || *value > 0.0).collect();
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    if !most.is_finite() || !least.is_finite() {
        return Err("a plot without points".into());
    }
    Ok(if log {
        least / 1.5..most * 1.5
    } else {
        least.min(0.0)..most.max(f64::MIN_POSITIVE) * 1.08
    })
}

fn draw_on<X, Y>(plot: &Plot, svg: &Path, x: X, y: Y) -> Result
where
    X: AsRangedCoord<Value = f64>,
    Y: AsRangedCoord<Value = f64>,
    X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let area = SVGBackend::new(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let longest = plot.series.iter().map(|series| series.name.chars().count());
    let longest = i32::try_from(longest.max().unwrap_or(0))?;
    let (width, _) = SIZE;
    let (chart_area, legend_area) =
        area.split_horizontally(i32::try_from(width)? - longest * LEGEND.1 - SAMPLE - 24);
    let mut chart: ChartContext<'_, _, Cartesian2d<X::CoordDescType, Y::CoordDescType>> =
        ChartBuilder::on(&chart_area)
            .caption(&plot.title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(72)
            .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .x_desc(&*plot.x.label)
        .y_desc(&*plot.y.label)
        .axis_desc_style(("sans-serif", 14))
        .label_style(("sans-serif", 12))
        .light_line_style(WHITE)
        .x_label_formatter(&|value| short(*value))
        .y_label_formatter(&|value| short(*value))
        .draw()?;
    let legend = (0..).map(|line| 56 + line * LEGEND.0);
    let looks = COLOURS.iter().cycle().zip(legend);
    for (series, (colour, y)) in plot.series.iter().zip(looks) {
        let line = colour.stroke_width(2);
        let points = || series.points.iter().map(|&[x, y]| (x, y));
        chart.draw_series(LineSeries::new(points(), line))?;
        chart.draw_series(points().map(|point| Circle::new(point, 3, colour.filled())))?;
        legend_area.draw(&PathElement::new([(4, y), (4 + SAMPLE, y)], line))?;
        let name = (4 + SAMPLE + 6, y - LEGEND.0 / 3);
        legend_area.draw(&Text::new(series.name.as_str(), name, ("sans-serif", 13)))?;
    }
    area.present()?;
    Ok(())
}

/// A number on an axis: 1,000 as 1k.
fn short(value: f64) -> String {
    let (value, unit) = match value.abs() {
        large if large >= 1e6 => (value / 1e6, "M"),
        large if large >= 1e3 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let digits = if value == 0.0 || value.abs() >= 10.0 {
        0
    } else if value.abs() >= 1.0 {
        1
    } else {
        3
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{text}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (0.05, "0.05"),
            (2.5, "2.5"),
            (500.0, "500"),
            (1500.0, "1.5k"),
            (2e6, "2M"),
        ] {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn every_series_is_in_the_drawing() {
        let folder = tempfile::tempdir().unwrap();
        let axis = |label, log| {
            if log {
                Axis::log(label)
            } else {
                Axis::linear(label)
            }
        };
        for (x, y) in [(true, true), (true, false), (false, true), (false, false)] {
            let plot = Plot {
                file: "drawn".into(),
                title: "Cost against load".into(),
                x: axis("members", x),
                y: axis("ms", y),
                series: ["ours", "baseline"]
                    .map(|name| Series {
                        name: name.into(),
                        points: vec![[2.0, 1.0], [500.0, 90.0]],
                    })
                    .into(),
            };
            let svg = folder.path().join("drawn.svg");
            draw(&plot, &svg).unwrap();
            let drawn = fs::read_to_string(&svg).unwrap();
            for text in ["Cost against load", "members", "ours", "baseline"] {
                assert!(drawn.contains(text), "{text}");
            }
        }
    }

    #[test]
    fn a_plot_without_points_is_refused() {
        assert!(range(std::iter::empty(), false).is_err());
        assert!(range([0.0].into_iter(), true).is_err());
    }
}
