//! Performance targets compared with the measured figures. The targets are for a machine with two processors.

use serde_json::{Value, json};

use super::workload::{CPP_BITS, CPP_IOSTREAM, JAVA, PYTHON, PYTHON_IMPORTS, STATIC_C, TYPESCRIPT};
use super::{Row, Situation, bare, cupel, figure, find, served};
use crate::samples::Samples;
use crate::table::Table;

/// A figure and its bound: a maximum, except for a rate, whose bound is a minimum.
struct Target {
    workload: &'static str,
    runner: &'static str,
    situation: Situation,
    figure: Figure,
    bound: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Figure {
    /// Percentile of the run times, in milliseconds.
    Percentile(f64),
    /// Median divided by the bare median.
    OfBare,
    /// Median minus the bare median, in milliseconds.
    OverBare,
    /// Runs per second.
    Rate,
}

use Figure::{OfBare, OverBare, Percentile, Rate};
use Situation::{BackToBack, Busy, Lone};

const fn target(
    workload: &'static str,
    runner: &'static str,
    situation: Situation,
    figure: Figure,
    bound: f64,
) -> Target {
    Target { workload, runner, situation, figure, bound }
}

const TARGETS: &[Target] = &[
    target(STATIC_C, cupel::POOLED, BackToBack, Percentile(50.0), 0.8),
    target(STATIC_C, cupel::POOLED, BackToBack, Percentile(99.0), 2.0),
    target(STATIC_C, cupel::POOLED, BackToBack, OfBare, 2.0),
    target(STATIC_C, cupel::POOLED, Lone, Percentile(50.0), 1.2),
    target(STATIC_C, cupel::POOLED, Busy, Rate, 2000.0),
    target(PYTHON, cupel::WARM, BackToBack, Percentile(50.0), 2.0),
    target(PYTHON, cupel::WARM, BackToBack, Percentile(99.0), 4.0),
    target(PYTHON, cupel::WARM, BackToBack, OfBare, 0.25),
    target(PYTHON_IMPORTS, cupel::WARM, BackToBack, Percentile(50.0), 3.0),
    target(PYTHON, cupel::WARM, Busy, Rate, 1000.0),
    target(PYTHON, cupel::POOLED, BackToBack, OverBare, 0.5),
    target(CPP_IOSTREAM, served::NAME, BackToBack, Percentile(50.0), 100.0),
    target(CPP_BITS, served::NAME, BackToBack, Percentile(50.0), 300.0),
    // This target applies with the compile service. Without it, the target is 200 ms.
    target(JAVA, served::NAME, BackToBack, Percentile(50.0), 60.0),
    target(TYPESCRIPT, served::NAME, BackToBack, Percentile(50.0), 120.0),
    target(STATIC_C, served::NAME, BackToBack, Percentile(50.0), 2.0),
    target(PYTHON, served::NAME, BackToBack, Percentile(50.0), 4.0),
    target(PYTHON, served::NAME, BackToBack, OfBare, 1.0),
    target(STATIC_C, served::NAME, Busy, Rate, 1000.0),
    target(PYTHON, served::NAME, Busy, Rate, 600.0),
];

/// A target and the measured figure.
pub(super) struct Judged {
    target: &'static Target,
    /// `None` if the figure was not measured.
    measured: Option<f64>,
}

/// Compares every target with the figures in `rows`.
pub(super) fn judge(rows: &[Row]) -> Vec<Judged> {
    TARGETS.iter().map(|target| Judged { target, measured: target.of(rows) }).collect()
}

/// All targets as a table.
pub(super) fn table(judged: &[Judged]) -> Table {
    let mut table = Table::new("Targets", &["work, runner, situation", "figure", "target", "measured", ""]);
    for Judged { target, measured } in judged {
        let at_most = if target.figure == Rate { "≥" } else { "≤" };
        table.row(vec![
            format!("{}; {}; {}", target.workload, target.runner, target.situation.label()),
            target.figure.label(),
            format!("{at_most} {}", figure(target.bound)),
            measured.map_or("–".into(), figure),
            match measured {
                None => "not measured",
                Some(measured) if target.is_met_by(*measured) => "met",
                Some(_) => "missed",
            }
            .into(),
        ]);
    }
    table
}

impl Target {
    fn of(&self, rows: &[Row]) -> Option<f64> {
        let samples = find(rows, self.workload, self.runner, self.situation).filter(|samples| samples.len() > 0)?;
        let baseline = || find(rows, self.workload, bare::NAME, self.situation);
        let ms = |samples: &Samples, percent| samples.percentile(percent).as_secs_f64() * 1e3;
        match self.figure {
            Percentile(percent) => Some(ms(samples, percent)),
            OfBare => Some(samples.ratio(baseline()?, 50.0)),
            OverBare => Some(ms(samples, 50.0) - ms(baseline()?, 50.0)),
            Rate => samples.rate(),
        }
    }

    fn is_met_by(&self, measured: f64) -> bool {
        if self.figure == Rate { measured >= self.bound } else { measured <= self.bound }
    }
}

impl Judged {
    /// The target and its measurement in the JSON results.
    pub(super) fn to_json(&self) -> Value {
        let Judged { target, measured } = self;
        json!({
            "work": target.workload,
            "runner": target.runner,
            "situation": target.situation.slug(),
            "figure": target.figure.label(),
            "target": target.bound,
            "measured": measured,
            "met": measured.map(|measured| target.is_met_by(measured)),
        })
    }
}

impl Figure {
    fn label(self) -> String {
        match self {
            Percentile(percent) => format!("p{percent:.0}, ms"),
            OfBare => "p50, x bare".to_owned(),
            OverBare => "p50, ms over bare".to_owned(),
            Rate => "runs a second".to_owned(),
        }
    }
}

impl Situation {
    fn label(self) -> &'static str {
        match self {
            Lone => "lone",
            BackToBack => "back to back",
            Busy => "busy",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn row(runner: &'static str, situation: Situation, ms: u64) -> Row {
        let mut samples = Samples::default();
        samples.extend([Duration::from_millis(ms); 10], Duration::from_secs(1));
        Row { workload: PYTHON, runner, situation, samples }
    }

    #[test]
    fn a_target_is_met_or_missed_or_not_measured() {
        let rows = [row(bare::NAME, BackToBack, 8), row(cupel::WARM, BackToBack, 3), row(cupel::WARM, Busy, 3)];
        let judged = judge(&rows);
        let figure_of = |figure: Figure, runner: &str, situation| {
            judged
                .iter()
                .find(|j| {
                    (j.target.workload, j.target.runner) == (PYTHON, runner)
                        && j.target.figure == figure
                        && j.target.situation == situation
                })
                .map(|j| j.measured.map(|measured| (measured, j.target.is_met_by(measured))))
        };
        assert_eq!(figure_of(Percentile(50.0), cupel::WARM, BackToBack), Some(Some((3.0, false))));
        assert_eq!(figure_of(Percentile(99.0), cupel::WARM, BackToBack), Some(Some((3.0, true))));
        assert_eq!(figure_of(OfBare, cupel::WARM, BackToBack), Some(Some((0.375, false))));
        assert_eq!(figure_of(Rate, cupel::WARM, Busy), Some(Some((10.0, false))));
        assert_eq!(figure_of(OverBare, cupel::POOLED, BackToBack), Some(None));
    }
}
