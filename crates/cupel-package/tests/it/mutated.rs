//! Packages with random changes are either imported or refused, without panics, internal failures or leftover files.

use cupel_package::{ImportError, import};

use crate::support::{Bench, Files, KATTIS_FIXTURES, OTHER_FIXTURES, options};

/// Values that often break parsers.
const ODD: &[&str] = &[
    "",
    "~",
    "null",
    "true",
    "-1",
    "0",
    "1e308",
    "-0.0",
    ".inf",
    "nan",
    "99999999999999999999",
    "0x10",
    "[]",
    "{}",
    "[[]]",
    "{a: {b: c}}",
    "\"\"",
    "'",
    "*a",
    "&a",
    "!!int x",
    "../../x",
    "/etc/passwd",
    "\u{0}",
    "\u{feff}",
    "%d%d",
    "(",
    "<",
    "&amp;",
    "unbounded",
    "all",
    "batched",
    "sample",
    "\r\n",
    "\t",
    "é",
];

/// A deterministic random number generator. Source: Knuth's MMIX constants.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }

    fn of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}

/// Returns the text with one line deleted, duplicated or moved, or with one word replaced.
fn changed(text: &str, chance: &mut Chance) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let at = chance.below(lines.len());
    let Some(line) = lines.get(at).cloned() else { return chance.of(ODD).to_owned() };
    match chance.below(6) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(at, line),
        2 => {
            let to = chance.below(lines.len());
            lines.swap(at, to);
        }
        3 => {
            let key = line.split([':', '=']).next().unwrap_or_default().to_owned();
            lines[at] = format!("{key}{}{}", chance.of(&[": ", " = ", ">"]), chance.of(ODD));
        }
        4 => {
            let words: Vec<&str> = line.split_inclusive([' ', '"', ',', '>', '[']).collect();
            let which = chance.below(words.len());
            let odd = chance.of(ODD);
            lines[at] = words.iter().enumerate().map(|(i, word)| if i == which { odd } else { word }).collect();
        }
        _ => {
            let cut = (0..=line.len()).filter(|i| line.is_char_boundary(*i)).nth(chance.below(line.len() + 1));
            lines[at] = line[..cut.unwrap_or(0)].to_owned();
        }
    }
    lines.join("\n") + "\n"
}

#[test]
fn a_randomly_changed_package_is_imported_or_refused() {
    let mut chance = Chance(2026);
    let bench = Bench::new();
    let store = bench.path().join("store");
    std::fs::create_dir_all(&store).unwrap();
    let (mut read, mut refused) = (0, 0);
    for round in 0..ROUNDS {
        for name in KATTIS_FIXTURES.iter().chain(OTHER_FIXTURES).chain(&["dmoj/batches"]) {
            let mut files = Files::fixture(name);
            for _ in 0..=chance.below(3) {
                let at = chance.below(files.0.len());
                let configuration = ["yaml", "yml", "toml", "xml", "ini", ".timelimit"];
                let at = match chance.below(4) {
                    0 => at,
                    _ => files
                        .0
                        .iter()
                        .position(|(name, _)| configuration.iter().any(|end| name.ends_with(end)))
                        .unwrap_or(at),
                };
                let Ok(text) = String::from_utf8(files.0[at].1.clone()) else { continue };
                match chance.below(10) {
                    0 => drop(files.0.remove(at)),
                    1 => files.0[at].0.push_str(chance.of(&["x", ".in", ".yaml", "/x"])),
                    _ => files.0[at].1 = changed(&text, &mut chance).into_bytes(),
                }
            }
            let source = bench.path().join(format!("{round}.tar"));
            std::fs::write(&source, files.tar()).unwrap();
            let target = store.join("target");
            match import(&source, &target, &options()) {
                Ok(_) => {
                    read += 1;
                    std::fs::remove_dir_all(&target).unwrap();
                }
                Err(ImportError::Refused(refusal)) => {
                    refused += 1;
                    assert!(refusal.findings[0].code.is_error(), "{name}: {refusal}");
                }
                Err(other) => panic!("{name}, round {round}: internal failure: {other:?}"),
            }
            assert_eq!(std::fs::read_dir(&store).unwrap().count(), 0, "{name}: files are left behind");
        }
    }
    assert!(
        read > ROUNDS && refused > ROUNDS,
        "{read} imported, {refused} refused: too few of one kind for a meaningful test"
    );
}

const ROUNDS: usize = 20;
