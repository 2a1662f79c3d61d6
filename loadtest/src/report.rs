//! What a benchmark says: a table for people, and its part of one JSON file for the plots and the documents.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use clap::Args;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::Result;
use crate::cores::Cores;
use crate::plot::Plot;

/// What every benchmark can be told.
#[derive(Args)]
pub struct Options {
    /// The server's binary.
    #[arg(long)]
    pub server: PathBuf,
    /// File that the figures go into too, by the benchmark's name.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Small sizes and one run: whether something is grossly wrong, not how fast it is.
    #[arg(long)]
    pub quick: bool,
    /// How often everything is measured, for the median; three times unless it is to be quick.
    #[arg(long)]
    pub runs: Option<usize>,
    /// Fails if the benchmark's ratio to its baseline is less.
    #[arg(long)]
    pub at_least: Option<f64>,
    /// Fails if the benchmark's ratio to its baseline is more.
    #[arg(long)]
    pub at_most: Option<f64>,
}

impl Options {
    /// How often everything is measured, for the median.
    pub fn runs(&self) -> usize {
        let usual = if self.quick { 1 } else { 3 };
        self.runs.unwrap_or(usual).max(1)
    }
}

/// The figures of one benchmark.
#[derive(Serialize)]
pub struct Report {
    bench: &'static str,
    machine: Machine,
    rows: Vec<Row>,
    plots: Vec<Plot>,
    ratio: Option<Ratio>,
}

/// The fields of a struct, in their order, which a map of `serde_json` would lose.
struct Row(Vec<(String, Value)>);

impl Row {
    fn columns(&self) -> impl Iterator<Item = &String> {
        self.0.iter().map(|(column, _)| column)
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(column, figure)| (column, figure)))
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Row;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a struct")
            }

            fn visit_map<M: MapAccess<'de>>(
                self,
                mut map: M,
            ) -> std::result::Result<Row, M::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Row(fields))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// Where it was measured.
#[derive(Serialize)]
struct Machine {
    cores: usize,
    cpu: String,
    kernel: String,
    /// Who had which core.
    note: String,
}

/// The one figure that says whether a benchmark went well.
#[derive(Serialize)]
struct Ratio {
    what: &'static str,
    value: f64,
}

impl Report {
    pub fn new(bench: &'static str, cores: &Cores) -> Self {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name"));
        let cpu = cpu
            .unwrap_or("unknown")
            .trim_start_matches([' ', '\t', ':']);
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            bench,
            machine: Machine {
                cores: cores.count(),
                cpu: cpu.into(),
                kernel: kernel.trim().into(),
                note: cores.note().into(),
            },
            rows: Vec::new(),
            plots: Vec::new(),
            ratio: None,
        }
    }

    /// Adds a row, whose fields are the columns.
    pub fn row(&mut self, row: &impl Serialize) -> Result {
        self.rows
            .push(serde_json::from_str(&serde_json::to_string(row)?)?);
        Ok(())
    }

    pub fn plot(&mut self, plot: Plot) {
        self.plots.push(plot);
    }

    /// Says how the benchmark went, in one figure.
    pub fn ratio(&mut self, what: &'static str, value: f64) {
        self.ratio = Some(Ratio { what, value });
    }

    /// Prints the table, writes the file, and fails if the ratio is not what was demanded.
    pub fn finish(&self, options: &Options) -> Result {
        self.print();
        if let Some(file) = &options.json {
            self.write_into(file)?;
        }
        let demanded = options.at_least.is_some() || options.at_most.is_some();
        match &self.ratio {
            None if demanded => Err(format!("{} has no ratio to demand", self.bench).into()),
            Some(Ratio { what, value }) => {
                let least = options.at_least.unwrap_or(f64::NEG_INFINITY);
                let most = options.at_most.unwrap_or(f64::INFINITY);
                // Not a number is no pass.
                if *value >= least && *value <= most {
                    Ok(())
                } else {
                    Err(format!("{what} is {value:.3}, not from {least} to {most}").into())
                }
            }
            None => Ok(()),
        }
    }

    /// Writes the figures beside other benchmarks', in the place of what an earlier run found.
    fn write_into(&self, file: &Path) -> Result {
        let mut reports: BTreeMap<String, Box<RawValue>> = match fs::read(file) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| format!("{}: {error}", file.display()))?,
            Err(error) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error.into()),
        };
        let report = RawValue::from_string(serde_json::to_string_pretty(self)?)?;
        reports.insert(self.bench.to_owned(), report);
        Ok(fs::write(file, serde_json::to_string_pretty(&reports)?)?)
    }

    /// One table for each set of columns.
    fn print(&self) {
        println!("{}", self.machine.note);
        let alike = |a: &Row, b: &Row| a.columns().eq(b.columns());
        for table in self.rows.chunk_by(alike) {
            let Some(first) = table.first() else {
                continue;
            };
            let mut lines: Vec<Vec<String>> = vec![first.columns().cloned().collect()];
            lines.extend(
                table
                    .iter()
                    .map(|row| row.0.iter().map(|(_, figure)| shown(figure)).collect()),
            );
            let widths: Vec<usize> = (0..first.0.len())
                .map(|column| {
                    lines
                        .iter()
                        .map(|line| line[column].len())
                        .max()
                        .unwrap_or(0)
                })
                .collect();
            println!();
            for line in &lines {
                let cells = line.iter().zip(&widths).map(|(cell, &width)| {
                    if cell.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
                        format!("{cell:>width$}")
                    } else {
                        format!("{cell:width$}")
                    }
                });
                println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
            }
        }
        if let Some(Ratio { what, value }) = &self.ratio {
            println!("\n{what}: {value:.3}");
        }
    }
}

/// A figure with four digits that count.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            Some(figure) if number.is_f64() => {
                let whole = figure.abs().log10().floor().max(-4.0);
                let decimals = (3.0 - whole).clamp(0.0, 7.0) as usize;
                format!("{figure:.decimals$}")
            }
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

/// The middle one.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    percentile(&figures, 50.0)
}

/// The figure below which so many percent lie, of sorted ones (nearest rank); not a number where there are none.
pub fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let rank = (sorted.len() as f64 * percent / 100.0).ceil() as usize;
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_the_nearest() {
        let figures: Vec<f64> = (1..=1000).map(f64::from).collect();
        assert_eq!(percentile(&figures, 50.0), 500.0);
        assert_eq!(percentile(&figures, 99.0), 990.0);
        assert_eq!(percentile(&figures, 99.9), 999.0);
        assert_eq!(percentile(&figures[..1], 99.9), 1.0);
        assert!(percentile(&[], 50.0).is_nan());
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
    }

    #[test]
    fn four_digits_are_shown() {
        for (figure, text) in [
            (414_000.4, "414000"),
            (1.234_56, "1.235"),
            (0.002_412_3, "0.002412"),
            (0.0, "0.0000000"),
        ] {
            assert_eq!(shown(&Value::from(figure)), text);
        }
        assert_eq!(shown(&Value::from(500)), "500");
    }
}
