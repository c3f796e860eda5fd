//! Packs each problem in `problems/` as a gzipped tar. `src/shipped.rs` embeds these archives into the binary. Also
//! determines the version of the build, and links the debug binary for a fixed address.
//!
//! An archive depends only on names, executable bits and contents, so it changes only when its problem
//! changes.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> io::Result<()> {
    let variable = |name: &str| env::var(name).map_err(io::Error::other);
    // The debug binary has 350,000 relocations. Linked for a fixed address, it needs none, and each of the thousands of
    // starts in the tests takes half the time. Releases remain position-independent (address space layout
    // randomization).
    if variable("PROFILE")? == "debug" {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
    // `scripts/build.sh` names the commit of a release, so that two builds have different versions. Other builds
    // name none, because each commit would make them compile this crate again.
    println!("cargo::rerun-if-env-changed=BUILD_COMMIT");
    let version = variable("CARGO_PKG_VERSION")?;
    match env::var("BUILD_COMMIT") {
        Ok(commit) if !commit.is_empty() => println!("cargo::rustc-env=BUILD_VERSION={version}+{commit}"),
        _ => println!("cargo::rustc-env=BUILD_VERSION={version}"),
    }
    let problems = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("../../problems");
    let out = PathBuf::from(variable("OUT_DIR")?);
    println!("cargo::rerun-if-changed={}", problems.display());
    let mut list = String::from("&[\n");
    for folder in children(&problems)? {
        // A folder without `problem.toml` is still being written.
        if !folder.join("problem.toml").is_file() {
            continue;
        }
        let Some(slug) = folder.file_name().and_then(|name| name.to_str()) else { continue };
        let archive = out.join(format!("{slug}.tar.gz"));
        pack(&folder, &archive)?;
        let archive = archive.display().to_string();
        writeln!(list, "    ({slug:?}, include_bytes!({archive:?})),").map_err(io::Error::other)?;
    }
    list.push_str("]\n");
    fs::write(out.join("problems.rs"), list)
}

fn pack(folder: &Path, archive: &Path) -> io::Result<()> {
    let mut tar = tar::Builder::new(GzEncoder::new(fs::File::create(archive)?, Compression::best()));
    append(&mut tar, folder, folder)?;
    tar.into_inner()?.finish()?;
    Ok(())
}

fn append<W: io::Write>(tar: &mut tar::Builder<W>, root: &Path, folder: &Path) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", folder.display());
    for path in children(folder)? {
        if path.is_dir() {
            append(tar, root, &path)?;
            continue;
        }
        let content = fs::read(&path)?;
        let is_executable = fs::metadata(&path)?.permissions().mode() & 0o100 != 0;
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(if is_executable { 0o755 } else { 0o644 });
        header.set_mtime(0);
        tar.append_data(&mut header, path.strip_prefix(root).map_err(io::Error::other)?, &content[..])?;
    }
    Ok(())
}

/// Entries of a folder, sorted by name, without the files that editors and interpreters leave behind.
fn children(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !name.starts_with('.') && name != "__pycache__" {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
