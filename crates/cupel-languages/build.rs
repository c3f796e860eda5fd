//! Lists `languages/*.toml` and `languages/warm/*` for `src/shipped.rs` and `src/service.rs`, which compile them into
//! the binary.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    list("../../languages", Some("toml"), "shipped.rs");
    list("../../languages/warm", None, "warm.rs");
}

/// Writes a Rust slice of (file name, text) pairs for the files of a folder, sorted by name.
fn list(folder: &str, extension: Option<&str>, name: &str) {
    let manifest = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let folder = Path::new(&manifest).join(folder);
    println!("cargo::rerun-if-changed={}", folder.display());

    let mut paths: Vec<_> = fs::read_dir(&folder)
        .expect("the folder exists")
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| path.is_file() && extension.is_none_or(|wanted| path.extension().is_some_and(|e| e == wanted)))
        .collect();
    paths.sort();

    let mut list = String::from("&[\n");
    for path in paths {
        println!("cargo::rerun-if-changed={}", path.display());
        let name = path.file_name().and_then(|n| n.to_str()).expect("shipped files have plain names");
        writeln!(list, "    ({name:?}, include_str!({:?})),", path.display().to_string()).expect("writing to a string");
    }
    list.push_str("]\n");
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets OUT_DIR")).join(name);
    fs::write(out, list).expect("cargo's OUT_DIR can be written");
}
