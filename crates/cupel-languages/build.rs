//! Lists `languages/*.toml` of the repository for `src/shipped.rs`, so that they travel in the binary.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    let manifest = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let folder = Path::new(&manifest).join("../../languages");
    println!("cargo::rerun-if-changed={}", folder.display());

    let mut paths: Vec<_> = fs::read_dir(&folder)
        .expect("the folder `languages` exists")
        .map(|entry| entry.expect("the folder `languages` can be listed").path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    paths.sort();

    let mut list = String::from("&[\n");
    for path in paths {
        println!("cargo::rerun-if-changed={}", path.display());
        let name = path.file_name().and_then(|n| n.to_str()).expect("language files have plain names");
        writeln!(list, "    ({name:?}, include_str!({:?})),", path.display().to_string()).expect("writing to a string");
    }
    list.push_str("]\n");
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets OUT_DIR")).join("shipped.rs");
    fs::write(out, list).expect("cargo's OUT_DIR can be written");
}
