//! Lists the files that `scripts/build-site.sh` wrote to `web/dist`, for `src/lib.rs`, which embeds them into the
//! binary.
//!
//! If there are no such files (for example, because Node.js is not installed), the list is empty, and the server shows
//! a page that says how to build the site.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let variable = |name: &str| env::var(name).map_err(io::Error::other);
    let dist = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("../../web/dist");
    println!("cargo::rerun-if-changed={}", dist.display());
    let (mut list, mut count) = (String::new(), 0);
    for file in files_below(&dist)? {
        let Some(path) = file.strip_prefix(&dist).ok().and_then(Path::to_str) else { continue };
        let (brotli, gzip) = (with_end(&file, "br"), with_end(&file, "gz"));
        let embedded = |file: &Path| format!("include_bytes!({:?})", file.display().to_string());
        let content = if path.ends_with(".woff2") {
            // WOFF2 is already compressed.
            format!("Content::Plain({})", embedded(&file))
        } else if !brotli.is_file() || !gzip.is_file() {
            // A compressed copy, `.gitignore`, or a file that an interrupted build did not compress.
            continue;
        } else {
            format!("Content::Compressed {{ brotli: {}, gzip: Gzipped::new({}) }}", embedded(&brotli), embedded(&gzip))
        };
        writeln!(list, "    File {{ path: {path:?}, content: {content} }},").map_err(io::Error::other)?;
        count += 1;
    }
    let files = format!("static FILES: [File; {count}] = [\n{list}];\n");
    fs::write(PathBuf::from(variable("OUT_DIR")?).join("files.rs"), files)
}

fn with_end(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(end);
    name.into()
}

/// Files of the site, sorted by path, at most one folder deep, as the build makes them.
fn files_below(dist: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in [dist.to_owned(), dist.join("assets")] {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry?.path();
            if path.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
