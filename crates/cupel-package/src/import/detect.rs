//! Recognises the format of a package by the files in its top-level directory.

use super::tree::{ByteOrderMark, Child, Tree};
use crate::doc::{Value, parse_yaml};
use crate::finding::{Code, Findings, ImportError};

cupel_types::named! {
    /// A package format.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum PackageFormat, as_str, from_name {
        /// Kattis problem package format, 2025-09 and its drafts.
        Kattis202509 = "kattis-2025-09",
        /// Kattis problem package format, `legacy` and `legacy-icpc`.
        KattisLegacy = "kattis-legacy",
        /// DOMjudge zip: a legacy Kattis package with an ini file, or the ini file alone.
        Domjudge = "domjudge",
        /// Codeforces Polygon, full package.
        Polygon = "polygon",
        /// DMOJ `init.yml`.
        Dmoj = "dmoj",
        /// Cupel's own format.
        Cupel = "cupel",
    }
}

impl PackageFormat {
    /// Whether the format defines the margins by which its authors choose time limits.
    pub const fn margins_bind(self) -> bool {
        match self {
            PackageFormat::Kattis202509 | PackageFormat::Cupel => true,
            PackageFormat::KattisLegacy | PackageFormat::Domjudge | PackageFormat::Polygon | PackageFormat::Dmoj => {
                false
            }
        }
    }
}

/// The marker files of each format, for messages.
const MARKERS: &str = "problem.toml (Cupel), problem.yaml (Kattis), domjudge-problem.ini (DOMjudge), problem.xml (Polygon) or init.yml (DMOJ)";

/// Whether a file of this name marks the top-level directory of a package.
pub fn is_marker(name: &str) -> bool {
    matches!(
        name,
        "problem.toml"
            | "problem.yaml"
            | "domjudge-problem.ini"
            | ".timelimit"
            | "problem.xml"
            | "problem.xml.polygon"
            | "init.yml"
    )
}

/// Returns the format. `None` if it is not recognised, which has been reported.
pub(crate) fn detect(
    tree: &Tree,
    wished: Option<PackageFormat>,
    findings: &Findings,
) -> Result<Option<PackageFormat>, ImportError> {
    let yaml = match tree.has("problem.yaml") {
        true => kattis_version(tree, findings)?,
        false => None,
    };
    let ini = tree.has("domjudge-problem.ini") || tree.has(".timelimit");
    let mut found = Vec::new();
    match yaml {
        // DOMjudge reads its files in packages of every version.
        Some(_) if ini => found.push(PackageFormat::Domjudge),
        Some(format) => found.push(format),
        None if ini => found.push(PackageFormat::Domjudge),
        None => {}
    }
    for (format, markers) in [
        (PackageFormat::Cupel, &["problem.toml"][..]),
        (PackageFormat::Polygon, &["problem.xml", "problem.xml.polygon"]),
        (PackageFormat::Dmoj, &["init.yml"]),
    ] {
        if markers.iter().any(|marker| tree.has(marker)) {
            found.push(format);
        }
    }
    if let Some(wished) = wished {
        let is_new = yaml == Some(PackageFormat::Kattis202509);
        return Ok(wished_of(wished, &found, is_new, findings));
    }
    match found[..] {
        [format] => Ok(Some(format)),
        [] => {
            if !findings.any_error() {
                unknown(tree, findings);
            }
            Ok(None)
        }
        _ => {
            let names = found.iter().map(|format| format.as_str()).collect::<Vec<_>>().join(" and ");
            let remedy = "Choose one with --format, or remove the marker file of the other";
            findings.file(
                Code::FormatAmbiguous,
                "",
                format!("the package has the marker files of several formats: {names}"),
                remedy,
            );
            Ok(None)
        }
    }
}

/// Returns the requested format if the package may be read in it. `is_new`: its version is 2025-09 or one of its
/// drafts.
fn wished_of(
    wished: PackageFormat,
    found: &[PackageFormat],
    is_new: bool,
    findings: &Findings,
) -> Option<PackageFormat> {
    use PackageFormat::{Domjudge, Kattis202509, KattisLegacy};
    let is_possible = |format: &PackageFormat| match (wished, *format) {
        // DOMjudge and Kattis interpret the same files differently, so either may be requested.
        (Kattis202509, Domjudge) => is_new,
        (KattisLegacy, Domjudge) => !is_new,
        (Domjudge, Kattis202509 | KattisLegacy) => true,
        (wished, format) => wished == format,
    };
    if found.iter().any(is_possible) {
        return Some(wished);
    }
    let fault = format!("the package is not in the format {}", wished.as_str());
    findings.file(Code::FormatAmbiguous, "", fault, "Omit --format to have the format recognised");
    None
}

fn unknown(tree: &Tree, findings: &Findings) {
    let children = tree.children("");
    let directory = |name| children.get(name) == Some(&Child::Directory);
    let fault = if children.is_empty() {
        "the package is empty".to_owned()
    } else if tree.has("task.yaml") || directory("gen") && directory("input") {
        "this looks like a package of CMS, which is not supported".to_owned()
    } else if tree.has("config.yaml") || directory("testdata") {
        "this looks like a package of Hydro, which is not supported".to_owned()
    } else {
        "the format of the package is not recognised".to_owned()
    };
    let remedy = format!("Pack a directory that contains {MARKERS}, or create a package with `cupel problem new`");
    findings.file(Code::FormatUnknown, "", fault, remedy);
}

/// Returns the format that the version key names. If the file is invalid, the importer reports that later.
fn kattis_version(tree: &Tree, findings: &Findings) -> Result<Option<PackageFormat>, ImportError> {
    let quiet = Findings::default();
    let Some(text) = tree.text("problem.yaml", ByteOrderMark::Warned, &quiet)? else {
        // The legacy importer reports the fault.
        return Ok(Some(PackageFormat::KattisLegacy));
    };
    let Ok(node) = parse_yaml(&text) else {
        return Ok(Some(PackageFormat::KattisLegacy));
    };
    let version = match &node.value {
        Value::Map(entries) => {
            entries.iter().find(|(key, _)| key == "problem_format_version").map(|(_, node)| &node.value)
        }
        _ => None,
    };
    let version = match version {
        Some(Value::Scalar(scalar)) => scalar.text.as_str(),
        Some(_) => "?",
        None if tree.has_directory("testdata") && !tree.has_directory("data") => {
            unknown(tree, findings);
            return Ok(None);
        }
        None => "legacy",
    };
    match version {
        "legacy" | "legacy-icpc" => Ok(Some(PackageFormat::KattisLegacy)),
        "2025-09" | "2023-07" | "2023-07-draft" | "draft" => Ok(Some(PackageFormat::Kattis202509)),
        other => {
            let fault = format!("the version `{other}` of the Kattis format is not supported");
            let remedy = "Supported are 2025-09, legacy, legacy-icpc and the draft 2023-07";
            findings.at(Code::FormatUnknown, "problem.yaml", None, Some("problem_format_version"), fault, remedy);
            Ok(None)
        }
    }
}
