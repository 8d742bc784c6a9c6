//! The results: readings by figure and case, rendered as a table, as JSON and as plots.

use super::Outcome;
use super::measure::{Machine, median, percentile};
use super::plot::{Chart, Series};
use super::server_under_test::Side;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// A measured quantity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// Name in the table.
    pub name: &'static str,
    /// Unit of the readings.
    pub unit: &'static str,
    /// The goal.
    pub goal: Goal,
}

/// The upper limit that a figure should keep to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// This multiple of the bare loop's figure.
    Ratio(f64),
    /// This value.
    AtMost(f64),
    /// No limit; the figure is for information.
    None,
}

struct Row {
    scenario: &'static str,
    case: String,
    figure: Figure,
    yardstick: Vec<f64>,
    server: Vec<f64>,
}

impl Row {
    fn ratio(&self) -> Option<f64> {
        let ratio = median(&self.server)? / median(&self.yardstick)?;
        ratio.is_finite().then_some(ratio)
    }

    fn verdict(&self) -> &'static str {
        let is_met = match self.figure.goal {
            Goal::Ratio(most) => self.ratio().map(|ratio| ratio <= most),
            Goal::AtMost(most) => median(&self.server).map(|value| value <= most),
            Goal::None => None,
        };
        match is_met {
            Some(true) => "met",
            Some(false) => "missed",
            None => "",
        }
    }

    fn goal(&self) -> String {
        match self.figure.goal {
            Goal::Ratio(most) => format!("<= {most:.2} x"),
            Goal::AtMost(most) => format!("<= {most}"),
            Goal::None => String::new(),
        }
    }
}

/// A measured point of one series of a plot.
struct Point {
    plot: Plot,
    series: String,
    x: f64,
    y: f64,
}

/// A plot of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plot {
    /// CPU time per delivery, by number of subscribers.
    CostPerDelivery,
    /// Memory, by number of subscribers.
    Memory,
    /// Share of deliveries, by latency.
    Latency,
}

impl Plot {
    const ALL: [Plot; 3] = [Plot::CostPerDelivery, Plot::Memory, Plot::Latency];

    fn file(self) -> &'static str {
        match self {
            Plot::CostPerDelivery => "cost-per-delivery.svg",
            Plot::Memory => "memory.svg",
            Plot::Latency => "latency.svg",
        }
    }

    fn chart(self) -> Chart<'static> {
        match self {
            Plot::CostPerDelivery => Chart {
                title: "Server CPU time per delivery, 100 B messages",
                x_title: "subscribers of the channel",
                y_title: "microseconds",
                is_x_logarithmic: true,
                is_y_logarithmic: false,
            },
            Plot::Memory => Chart {
                title: "Server memory (PSS)",
                x_title: "idle subscribers",
                y_title: "MB",
                is_x_logarithmic: false,
                is_y_logarithmic: false,
            },
            Plot::Latency => Chart {
                title: "Latency of all deliveries, 1,000 subscribers, 50 publications a second",
                x_title: "milliseconds from publication to arrival",
                y_title: "percent of deliveries",
                is_x_logarithmic: true,
                is_y_logarithmic: false,
            },
        }
    }
}

/// All readings of a run.
pub struct Report {
    subject: String,
    machine: Machine,
    rows: Vec<Row>,
    points: Vec<Point>,
}

impl Report {
    /// An empty report about a subject.
    pub fn new(subject: String) -> Report {
        Report { subject, machine: Machine::read(), rows: Vec::new(), points: Vec::new() }
    }

    /// Adds a reading.
    pub fn add(
        &mut self,
        scenario: &'static str,
        case: &str,
        figure: Figure,
        side: Side,
        value: f64,
    ) {
        let is_same =
            |row: &Row| row.scenario == scenario && row.case == case && row.figure == figure;
        let at = self.rows.iter().position(is_same).unwrap_or(self.rows.len());
        if at == self.rows.len() {
            let (yardstick, server) = (Vec::new(), Vec::new());
            self.rows.push(Row { scenario, case: case.to_owned(), figure, yardstick, server });
        }
        match side {
            Side::Yardstick(_) => self.rows[at].yardstick.push(value),
            Side::Server => self.rows[at].server.push(value),
        }
    }

    /// Adds a point to a plot. Points with the same `series` and `x` are drawn as their median.
    pub fn add_point(&mut self, plot: Plot, series: String, x: f64, y: f64) {
        self.points.push(Point { plot, series, x, y });
    }

    /// The results as text, one line per figure.
    pub fn table(&self, round_count: usize) -> String {
        let mut text = format!(
            "{} on {}, {} cores, {}, commit {}; medians of {round_count} rounds\n\n",
            self.subject,
            self.machine.processor,
            self.machine.core_count,
            self.machine.kernel,
            self.machine.commit
        );
        let titles =
            ["scenario", "case", "figure", "bare loop", &self.subject, "ratio", "goal", ""];
        let mut lines = vec![titles.map(str::to_owned)];
        for row in &self.rows {
            lines.push([
                row.scenario.to_owned(),
                row.case.clone(),
                row.figure.name.to_owned(),
                median(&row.yardstick)
                    .map_or(String::new(), |value| quantity(value, row.figure.unit)),
                median(&row.server).map_or(String::new(), |value| quantity(value, row.figure.unit)),
                row.ratio().map_or(String::new(), |ratio| format!("{ratio:.2}")),
                row.goal(),
                row.verdict().to_owned(),
            ]);
        }
        let widths: [usize; 8] = std::array::from_fn(|column| {
            lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0)
        });
        for line in &lines {
            for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
                let is_number = (3..=5).contains(&column);
                let written = if is_number {
                    write!(text, "{cell:>width$}  ")
                } else {
                    write!(text, "{cell:<width$}  ")
                };
                written.expect("writing to a string cannot fail");
            }
            text.truncate(text.trim_end_matches(' ').len());
            text.push('\n');
        }
        text
    }

    /// Writes table, JSON and plots.
    pub fn write(&self, directory: &Path, round_count: usize) -> Outcome<()> {
        std::fs::create_dir_all(directory)?;
        let write = |name: &str, text: String| -> Outcome<()> {
            let path = directory.join(name);
            std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
            Ok(())
        };
        write("load.txt", self.table(round_count))?;
        write("load.json", format!("{:#}\n", self.json(round_count)))?;
        for plot in Plot::ALL {
            let series = self.series(plot);
            if !series.is_empty() {
                write(plot.file(), plot.chart().svg(&series))?;
            }
        }
        Ok(())
    }

    fn json(&self, round_count: usize) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                json!({
                    "scenario": row.scenario,
                    "case": row.case,
                    "figure": row.figure.name,
                    "unit": row.figure.unit,
                    "bare_loop": median(&row.yardstick),
                    "server": median(&row.server),
                    "ratio": row.ratio(),
                    "goal": row.goal(),
                    "verdict": row.verdict(),
                    "bare_loop_readings": row.yardstick,
                    "server_readings": row.server,
                })
            })
            .collect();
        json!({
            "subject": self.subject,
            "commit": self.machine.commit,
            "machine": {
                "processor": self.machine.processor,
                "cores": self.machine.core_count,
                "kernel": self.machine.kernel,
            },
            "rounds": round_count,
            "results": rows,
        })
    }

    fn series(&self, plot: Plot) -> Vec<Series> {
        let mut all: Vec<Series> = Vec::new();
        for point in self.points.iter().filter(|point| point.plot == plot) {
            let at = all.iter().position(|series| series.name == point.series);
            let at = at.unwrap_or_else(|| {
                all.push(Series { name: point.series.clone(), points: Vec::new() });
                all.len() - 1
            });
            all[at].points.push((point.x, point.y));
        }
        for series in &mut all {
            series.points = match plot {
                Plot::Latency => distribution(&series.points),
                Plot::CostPerDelivery | Plot::Memory => medians(&series.points),
            };
        }
        all
    }
}

fn medians(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut places: Vec<f64> = points.iter().map(|point| point.0).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let at = |x: f64| {
        let values: Vec<f64> = points.iter().filter(|point| point.0 == x).map(|p| p.1).collect();
        Some((x, median(&values)?))
    };
    places.into_iter().filter_map(at).collect()
}

/// The cumulative distribution of the x values, in percent.
fn distribution(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let values: Vec<f64> = points.iter().map(|point| point.0).collect();
    let at =
        |percent: u32| Some((percentile(&values, f64::from(percent) / 100.0)?, f64::from(percent)));
    (0..=100).filter_map(at).collect()
}

fn quantity(value: f64, unit: &str) -> String {
    let digits = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    format!("{value:.digits$} {unit}")
}
