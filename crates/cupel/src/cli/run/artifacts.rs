//! `cupel run --artifact GLOB --into DIR`: writes the files that the program left behind.
//!
//! The program or the server chooses the names of the files. So the directory must be empty at first, every name is
//! checked, and no existing file is changed.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use cupel_types::{ARTIFACT_BYTES_MAX, Artifact, Artifacts, BoxPath, counted};
use serde_json::{Map, Value};

use super::args::Run;
use crate::cli::remote::Server;
use crate::cli::{Exit, Failure, OrExit};
use crate::terminal::harmless;

/// The directory that gets the artifacts.
pub(super) struct Destination(PathBuf);

impl Destination {
    /// Creates the directory, or checks that it is empty; `None` if no artifacts are requested.
    pub(super) fn of(args: &Run) -> Result<Option<Destination>, Failure> {
        let Some(path) = &args.into else { return Ok(None) };
        let cannot = || format!("--into: cannot create {}", path.display());
        fs::create_dir_all(path).with_context(cannot).or_exit(Exit::Usage)?;
        let cannot = || format!("--into: cannot read {}", path.display());
        // The path must be absolute, because the working directory of the process may change later.
        let path = path.canonicalize().with_context(cannot).or_exit(Exit::Usage)?;
        let is_empty = fs::read_dir(&path).with_context(cannot).or_exit(Exit::Usage)?.next().is_none();
        if !is_empty {
            return Err(anyhow!("--into: {} must be a new or an empty directory", path.display())).or_exit(Exit::Usage);
        }
        Ok(Some(Destination(path)))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes the artifacts of a run on this machine.
    pub(super) fn write_all(&self, artifacts: &Artifacts) -> Result<(), Failure> {
        let mut written = 0;
        for Artifact { path, size, content } in &artifacts.files {
            match content {
                Ok(content) => {
                    self.write(path, &content.data).or_exit(Exit::System)?;
                    written += 1;
                }
                Err(why) => omitted(path.as_str(), &size.to_string(), why.as_str()),
            }
        }
        self.sum_up(written, artifacts.has_more);
        Ok(())
    }

    /// Downloads the artifacts of a run on a server. `result`: the server's result.
    pub(super) fn download_all(&self, server: &Server, run: &str, result: &Value) -> Result<(), Failure> {
        let mut written = 0;
        for file in result["artifacts"].as_array().into_iter().flatten() {
            let name = file["path"].as_str().unwrap_or_default();
            if let Some(why) = file["omitted"].as_str() {
                let size = file["size_bytes"].as_u64().unwrap_or_default();
                omitted(name, &counted(usize::try_from(size).unwrap_or(usize::MAX), "byte"), why);
                continue;
            }
            let wrong = || format!("{} sent a wrong file name: {}", server.url(), harmless(name));
            let path = BoxPath::new(name).with_context(wrong).or_exit(Exit::Server)?;
            let data = server.artifact(run, &path, ARTIFACT_BYTES_MAX)?;
            self.write(&path, &data).or_exit(Exit::System)?;
            written += 1;
        }
        self.sum_up(written, result["artifacts_truncated"] == true);
        Ok(())
    }

    /// Writes a new file.
    fn write(&self, path: &BoxPath, data: &[u8]) -> anyhow::Result<()> {
        let to = self.0.join(path.as_str());
        let cannot = || format!("cannot write {}", harmless(&to.display().to_string()));
        let Some(parent) = to.parent() else { bail!("{}", cannot()) };
        fs::create_dir_all(parent).with_context(cannot)?;
        let mut file = OpenOptions::new().write(true).create_new(true).open(&to).with_context(cannot)?;
        file.write_all(data).with_context(cannot)
    }

    fn sum_up(&self, written: usize, has_more: bool) {
        errln!("{} in {}", counted(written, "file"), self.0.display());
        if has_more {
            errln!("more files match than are kept");
        }
    }
}

fn omitted(path: &str, size: &str, why: &str) {
    let why = match why {
        "file_too_large" => "it is too large",
        "no_room" => "all files together are too large",
        "too_many" => "there are too many files",
        _ => "the server omitted it",
    };
    errln!("{} ({size}) was omitted: {why}", harmless(path));
}

/// The artifacts, as in a result of the API.
pub(super) fn json(artifacts: &Artifacts) -> Value {
    let one = |Artifact { path, size, content }: &Artifact| {
        let mut object = Map::new();
        object.insert("path".to_owned(), path.as_str().into());
        object.insert("size_bytes".to_owned(), size.get().into());
        match content {
            Ok(content) => {
                object.insert("media_type".to_owned(), content.media_type.clone().into());
                object.insert("sha256".to_owned(), content.hash.to_string().into());
            }
            Err(why) => {
                object.insert("omitted".to_owned(), why.as_str().into());
            }
        }
        Value::Object(object)
    };
    artifacts.files.iter().map(one).collect()
}
