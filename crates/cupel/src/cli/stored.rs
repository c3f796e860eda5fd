//! `cupel admin migrate|backup|restore|export|move`: the store as a whole.

pub(super) mod args;

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Read, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, fchown};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, anyhow};
use cupel_core::cluster::WORKER_GONE_AFTER;
use cupel_core::problems::PackagesError;
use cupel_core::{ClusterStore as _, Packages as _, ProblemStore as _, RunStore as _};
use cupel_sandbox::privileges::{self, Identity};
use cupel_store::{
    BackupError, LocalPackages, SharedPackages, SqlStore, back_up, check_origin, check_vacant, connect_blobs, restore,
    share_package,
};
use cupel_types::{Bytes, ContentHash, NodeId};
use rustix::fs::{Mode, OFlags};
use tempfile::TempDir;
use uuid::Uuid;

use self::args::StoredCommand;
use super::shared_args::Settings;
use super::{CommandResult, Exit, Failure, OrExit, clean_up};
use crate::compose::engines::{open_postgres, open_postgres_and_blobs, open_store};
use crate::config::{self, Config};
use crate::data_dir::{DATABASE, DataDir, DataDirError};
use crate::{local, owner};

/// File name that stands for standard output.
const STREAM: &str = "-";
/// First bytes of an SQLite database. Source: <https://www.sqlite.org/fileformat.html>, "The Database Header".
const SQLITE_MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Target of a move that stands for the data directory.
const HERE: &str = "sqlite";
/// Warning of an export beside a running server.
const IN_USE: &str = "warning: servers use this database; the export may lack what they write meanwhile";
/// Maximum size of a URL in a file or on standard input.
const URL_BYTES_MAX: u64 = 4 << 10;

pub(super) fn stored(settings: &Settings, command: &StoredCommand) -> CommandResult {
    let (config, _) = config::load(&settings.overrides(None)).or_exit(Exit::Usage)?;
    // The file is read before this process switches to the owner of the data directory, who may lack permission to read
    // it.
    let target = match command {
        StoredCommand::Move { url, url_file } => target(url.as_deref(), url_file.as_deref())?,
        _ => String::new(),
    };
    if config.engines.store.is_some() {
        match command {
            StoredCommand::Migrate | StoredCommand::Export => return stored_elsewhere(&config, command),
            StoredCommand::Backup { .. } => sqlite_only(&config, USE_PG_DUMP)?,
            StoredCommand::Restore { .. } | StoredCommand::Move { .. } => {}
        }
    }
    let may_create = match command {
        StoredCommand::Restore { .. } => true,
        StoredCommand::Move { .. } => target == HERE,
        StoredCommand::Migrate | StoredCommand::Backup { .. } | StoredCommand::Export => false,
    };
    if !may_create && !DataDir::exists(&config.data)? {
        let directory = config.data.display();
        let error = anyhow!("there is no directory {directory}: name the server's directory with --data");
        return Err(error).or_exit(Exit::NotFound);
    }
    // The file is opened as root, because the owner of the data directory may lack permission. It is opened before the
    // directory is created, so that a wrong file leaves no directory behind.
    let copy = match command {
        StoredCommand::Restore { file } => {
            sqlite_only(&config, USE_PG_RESTORE)?;
            Some(open_copy(file)?)
        }
        _ => None,
    };
    let data = DataDir::open(&config.data)?;
    if let StoredCommand::Backup { file } = command
        && privileges::is_root()
        && file != Path::new(STREAM)
    {
        return back_up_for_root(settings, &data, file);
    }
    let temporary = temporary();
    let beside = match command {
        StoredCommand::Backup { file } if file == Path::new(STREAM) => Some(&*temporary),
        StoredCommand::Backup { file } => Some(directory_of(file)),
        // Packages are moved to or from this directory.
        StoredCommand::Move { .. } => config.engines.shared_directory(),
        _ => None,
    };
    // The server must be able to write the files created here.
    owner::become_owner_beside(&data, beside.as_slice(), None)?;
    clean_up::listen().context("cannot listen for signals")?;
    match command {
        StoredCommand::Migrate => migrate(&config, Some(&data)),
        StoredCommand::Backup { file } if file == Path::new(STREAM) => back_up_to_stream(&data, &temporary),
        StoredCommand::Backup { file } => back_up_to(&data, file),
        StoredCommand::Restore { file } => restore_from(&data, file, copy),
        StoredCommand::Export => export(&config, Some(&data)),
        StoredCommand::Move { .. } if target == HERE => move_here(&config, &data),
        StoredCommand::Move { .. } => move_away(&config, &data, &target),
    }
}

/// Like [`stored`], for a command that needs no data directory, because the store is a server.
fn stored_elsewhere(config: &Config, command: &StoredCommand) -> CommandResult {
    owner::become_owner_or_service(&config.data)?;
    match command {
        StoredCommand::Export => export(config, None),
        _ => migrate(config, None),
    }
}

/// Returns the target of a move: from the command line, from standard input (`-`), or from a file.
fn target(url: Option<&str>, file: Option<&Path>) -> Result<String, Failure> {
    let (source, name): (Box<dyn Read>, String) = match (url, file) {
        (_, Some(path)) => {
            let cannot = || format!("cannot open {}", path.display());
            (Box::new(File::open(path).with_context(cannot).or_exit(Exit::Usage)?), path.display().to_string())
        }
        (Some(STREAM), None) => (Box::new(std::io::stdin()), "standard input".to_owned()),
        (url, None) => return Ok(url.unwrap_or_default().to_owned()),
    };
    let mut text = String::new();
    let read = source.take(URL_BYTES_MAX).read_to_string(&mut text);
    read.with_context(|| format!("cannot read the URL in {name}")).or_exit(Exit::Usage)?;
    match text.trim() {
        "" => Err(anyhow!("there is no URL in {name}")).or_exit(Exit::Usage),
        url => Ok(url.to_owned()),
    }
}

fn sqlite_only(config: &Config, remedy: &str) -> Result<(), Failure> {
    match &config.engines.store {
        None => Ok(()),
        Some(_) => Err(anyhow!("store.url names a PostgreSQL database; {remedy}")).or_exit(Exit::Usage),
    }
}

fn has_database(data: &DataDir) -> Result<(), Failure> {
    if DataDir::has_database(data.path())? {
        return Ok(());
    }
    let directory = data.path().display();
    Err(anyhow!("there is no database in {directory}: name the server's directory with --data")).or_exit(Exit::NotFound)
}

fn run(act: impl Future<Output = CommandResult>) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(act)
}

fn migrate(config: &Config, data: Option<&DataDir>) -> CommandResult {
    run(async {
        let (store, _) = open_store(config, data).await?;
        store.close().await;
        outln!("the schema matches this version");
        Ok(Exit::Ok)
    })
}

const USE_PG_RESTORE: &str = "pg_restore restores a copy made with pg_dump: `pg_restore --dbname URL FILE`";
const USE_PG_DUMP: &str = "pg_dump copies it: `pg_dump --format=custom --file FILE URL`";

fn back_up_to(data: &DataDir, file: &Path) -> CommandResult {
    has_database(data)?;
    let bytes = back_up(&data.database(), file).map_err(refused_copy)?;
    outln!("{}: {bytes} bytes", file.display());
    Ok(Exit::Ok)
}

/// Exit code of a failed copy: a usage error if the named file is the cause; a failure in all other cases.
fn refused_copy(error: BackupError) -> Failure {
    let exit = match &error {
        BackupError::Exists { .. }
        | BackupError::Leftover { .. }
        | BackupError::Unread { .. }
        | BackupError::Damaged { .. }
        | BackupError::Stranger { .. }
        | BackupError::Newer { .. } => Exit::Usage,
        BackupError::Target { source, .. }
            if matches!(source.kind(), ErrorKind::PermissionDenied | ErrorKind::NotFound) =>
        {
            Exit::Usage
        }
        BackupError::Source { .. } | BackupError::Target { .. } | BackupError::Copy { .. } => Exit::System,
    };
    Failure { exit, error: error.into() }
}

/// Directory for temporary copies: `TMPDIR` if it is set, otherwise `/var/tmp`, which is meant for large files.
fn temporary() -> PathBuf {
    let large = Path::new("/var/tmp");
    let is_chosen = std::env::var_os("TMPDIR").is_some_and(|folder| !folder.is_empty());
    if is_chosen || !large.is_dir() { std::env::temp_dir() } else { large.to_owned() }
}

/// Writes a copy to standard output. The copy is first created in the directory `temporary`, because SQLite writes only
/// to files. The copy is not created in the data directory, because its disk may be full.
fn back_up_to_stream(data: &DataDir, temporary: &Path) -> CommandResult {
    has_database(data)?;
    let folder = tempfile::Builder::new().prefix(".cupel-copy-").tempdir_in(temporary);
    let folder = folder.with_context(|| {
        format!("cannot create a directory for the copy in {}: set TMPDIR to another directory", temporary.display())
    })?;
    clean_up::remove_at_a_signal(folder.path());
    let staged = folder.path().join("copy.db");
    back_up(&data.database(), &staged).map_err(refused_copy)?;
    let copied = File::open(&staged).and_then(|mut copy| {
        let mut out = std::io::stdout().lock();
        std::io::copy(&mut copy, &mut out)?;
        out.flush()
    });
    copied.context("cannot write the copy to standard output")?;
    Ok(Exit::Ok)
}

/// Creates a directory for a copy of the database. The prefix marks it as one of Cupel's own files in the data
/// directory.
fn staging(data: &DataDir) -> std::io::Result<TempDir> {
    tempfile::Builder::new().prefix(&format!("{DATABASE}-copy-")).tempdir_in(data.path())
}

/// Creates the backup file as root. A child process, which switches to the owner of the data directory, reads the
/// database.
fn back_up_for_root(settings: &Settings, data: &DataDir, file: &Path) -> CommandResult {
    let failed = |source| BackupError::Target { path: file.to_owned(), source };
    check_vacant(file).map_err(refused_copy)?;
    clean_up::listen().context("cannot listen for signals")?;
    // The name is random, so no other user can have created the file; its mode is 0600.
    let part = tempfile::Builder::new().prefix(".cupel-backup-").tempfile_in(directory_of(file)).map_err(failed);
    let part = part.map_err(refused_copy)?;
    clean_up::remove_at_a_signal(part.path());
    let out = part.as_file().try_clone().map_err(failed)?;
    owner::settle(data)?;
    // Kept until the child process has ended.
    let staging = staging_beside(data, directory_of(file)).map_err(failed)?;
    staging.iter().for_each(|folder| clean_up::remove_at_a_signal(folder.path()));
    let copied = std::process::Command::new("/proc/self/exe")
        .args(["admin", "backup", STREAM])
        .args(settings.flags())
        .envs(staging.as_ref().map(|folder| ("TMPDIR", folder.path())))
        .stdin(Stdio::null())
        .stdout(out)
        .status()
        .context("cannot start the process that reads the database")?;
    if !copied.success() {
        // The child process has printed the cause.
        return Ok(Exit::Program(copied.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(7)));
    }
    part.as_file().sync_all().map_err(failed)?;
    let copy = part.persist_noclobber(file).map_err(|error| match error.error.kind() {
        ErrorKind::AlreadyExists => refused_copy(BackupError::Exists { path: file.to_owned() }),
        _ => refused_copy(failed(error.error)),
    })?;
    File::open(directory_of(file)).and_then(|folder| folder.sync_all()).map_err(failed)?;
    let bytes = copy.metadata().map_err(failed)?.len();
    outln!("{}: {bytes} bytes", file.display());
    Ok(Exit::Ok)
}

/// Creates a directory beside a backup. Only the owner of the data directory can use it. `None`: that owner could not
/// reach such a directory, so the copy is first created in the directory for temporary files.
fn staging_beside(data: &DataDir, folder: &Path) -> std::io::Result<Option<TempDir>> {
    let meta = std::fs::metadata(data.path())?;
    let owner = Identity { uid: meta.uid(), gid: meta.gid() };
    let staging = tempfile::Builder::new().prefix(".cupel-copy-").tempdir_in(std::fs::canonicalize(folder)?)?;
    if privileges::closed_parent(staging.path(), owner)?.is_some() {
        return Ok(None);
    }
    // If several users can write to the parent directory, another directory or a link may have this name by now.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = File::from(rustix::fs::open(staging.path(), flags, Mode::empty())?);
    if directory.metadata()?.uid() != 0 {
        return Ok(None);
    }
    fchown(&directory, Some(owner.uid), Some(owner.gid))?;
    Ok(Some(staging))
}

fn directory_of(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// A copy of a database, opened for a restore.
struct OpenedCopy {
    file: File,
    /// The write-ahead log beside the copy, if it is not empty.
    log: Option<PathBuf>,
}

/// Opens a copy for a restore, and looks for its write-ahead log. A file that does not begin like an SQLite database is
/// refused.
fn open_copy(file: &Path) -> Result<OpenedCopy, Failure> {
    let unread = |source| refused_copy(BackupError::Unread { path: file.to_owned(), source });
    let copy = File::open(file).map_err(unread)?;
    let mut begin = [0; SQLITE_MAGIC.len()];
    match copy.read_exact_at(&mut begin, 0) {
        Ok(()) if begin == *SQLITE_MAGIC => {
            check_origin(&copy, file).map_err(refused_copy)?;
            Ok(OpenedCopy { file: copy, log: log_beside(file)? })
        }
        Err(error) if error.kind() != ErrorKind::UnexpectedEof => Err(unread(error)),
        _ => Err(anyhow!("`{}` is not a readable SQLite database", file.display())).or_exit(Exit::Usage),
    }
}

/// Returns the write-ahead log beside a database file, if it is not empty. Called before this process switches to the
/// owner of the data directory, who may lack permission to enter the directory of the copy.
fn log_beside(file: &Path) -> Result<Option<PathBuf>, Failure> {
    let unread = |path: &Path| {
        let path = path.to_owned();
        move |source| refused_copy(BackupError::Unread { path, source })
    };
    // SQLite also follows a link to the database, and then uses the log beside the link's target.
    let mut log = std::fs::canonicalize(file).map_err(unread(file))?.into_os_string();
    log.push("-wal");
    let log = PathBuf::from(log);
    match std::fs::metadata(&log) {
        Ok(about) => Ok((about.len() > 0).then_some(log)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unread(&log)(error)),
    }
}

/// Restores from a copy of an open file in the data directory.
fn restore_staged(data: &DataDir, file: &Path, copy: OpenedCopy) -> Result<Result<u64, BackupError>, Failure> {
    let OpenedCopy { file: mut copy, log } = copy;
    // Changes that are only in the log would be lost.
    if let Some(log) = log {
        let error = anyhow!(
            "`{}` has changes that are not in `{}`: make the copy with `cupel admin backup`",
            log.display(),
            file.display()
        );
        return Err(error).or_exit(Exit::Usage);
    }
    let folder = staging(data).context("cannot create a directory for the copy in the data directory")?;
    clean_up::remove_at_a_signal(folder.path());
    let staged = folder.path().join("copy.db");
    let put = File::create_new(&staged).and_then(|mut staged| std::io::copy(&mut copy, &mut staged));
    put.context("cannot copy the file into the data directory")?;
    Ok(restore(&staged, &data.database()))
}

fn restore_from(data: &DataDir, file: &Path, copy: Option<OpenedCopy>) -> CommandResult {
    let _alone = data.lock()?;
    // SQLite opens files only by name. A file that only root can open, or that SQLite could read only with write access
    // to its directory, is copied into the data directory first.
    let restored = if File::open(file).is_ok() { Some(restore(file, &data.database())) } else { None };
    let bytes = match (restored, copy) {
        (Some(Err(error)), Some(copy)) if error.needs_writable_directory() => restore_staged(data, file, copy)?,
        (None, Some(copy)) => restore_staged(data, file, copy)?,
        (Some(restored), _) => restored,
        (None, None) => restore(file, &data.database()),
    };
    let bytes = bytes.map_err(|error| match error {
        // The file on the command line is not a database.
        error @ BackupError::Source { .. } => Failure { exit: Exit::Usage, error: error.into() },
        error => refused_copy(error),
    })?;
    outln!("{}: {bytes} bytes", data.database().display());
    let is_empty = std::fs::read_dir(data.packages()).map_or(true, |mut packages| packages.next().is_none());
    if is_empty {
        outln!(
            "Problem packages and secret.key are not in a backup of the database. Copy `packages/` and `secret.key` of the \
             old data directory to {0}, too: without them, problems cannot be read, and all users must log in again. The same \
             applies to `languages/` and `images/`, if they exist. Then give the copies the owner of {0}: `chown -R \
             --reference={0} {0}/packages {0}/secret.key`.",
            data.path().display()
        );
    }
    Ok(Exit::Ok)
}

fn export(config: &Config, data: Option<&DataDir>) -> CommandResult {
    run(async {
        let mut out = BufWriter::new(std::io::stdout());
        match &config.engines.store {
            None => {
                let data = data.context("the data directory was not opened")?;
                has_database(data)?;
                // The lock is released at once, so that a server can start.
                if data.lock().is_err_and(|error| matches!(error, DataDirError::Taken { .. })) {
                    errln!("{IN_USE}");
                }
                let store = SqlStore::open_sqlite(&data.database()).await?;
                store.export(&mut out).await?;
                store.close().await;
            }
            Some(url) => {
                let (store, _) = open_postgres_and_blobs(&config.engines, url).await?;
                if is_in_use(&store).await? {
                    errln!("{IN_USE}");
                }
                store.export(&mut out).await?;
                store.close().await;
            }
        }
        out.flush().context("cannot write the export")?;
        Ok(Exit::Ok)
    })
}

/// Moves the store from the data directory into a PostgreSQL database, and packages to `blobs.url`, or into that
/// database if `blobs.url` is empty.
fn move_away(config: &Config, data: &DataDir, url: &str) -> CommandResult {
    has_database(data)?;
    let _alone = data.lock()?;
    run(async {
        let from = SqlStore::open_sqlite(&data.database()).await?;
        let engines = &config.engines;
        let to = open_postgres(engines, url).await?;
        let blobs_url = engines.blobs.as_deref().unwrap_or("postgres");
        let blobs = connect_blobs(blobs_url, Some(url), &engines.cluster, false).await?;
        let local = local_packages(config, data)?;
        to.check_empty().await?;
        // Packages are moved before the store, so that an interrupted move can be repeated as a whole.
        let packages = from.packages().await?;
        move_packages(packages, move |hash| share_package(&local, blobs.as_ref(), hash)).await?;
        from.move_to(&to, &mut log_progress).await?;
        to.close().await;
        from.close().await;
        outln!("moved. Set store.url now, and keep {} until the new installation works.", data.path().display());
        if engines.blobs.is_none() {
            outln!("Problem packages are in that database, too: set blobs.url to \"postgres\".");
        }
        outln!("secret.key is not moved, so all users must log in again.");
        outln!(
            "`languages/` and `images/` are not moved. If they exist, start each new node and worker once, copy them into \
             its data directory, and give the copies to the owner of that directory (chown -R --reference=DIR)."
        );
        Ok(Exit::Ok)
    })
}

/// Moves the store from the PostgreSQL database of `store.url` into the data directory, and packages from `blobs.url`.
fn move_here(config: &Config, data: &DataDir) -> CommandResult {
    let Some(url) = &config.engines.store else {
        let error = anyhow!("store.url is empty, so the store is already in the data directory");
        return Err(error).or_exit(Exit::Usage);
    };
    let _alone = data.lock()?;
    let database = data.database();
    check_vacant(&database).map_err(refused_copy)?;
    // The database has another name until it is complete, so that no server starts with a part of the data.
    let unfinished = data.path().join(format!("{DATABASE}.moving"));
    let cannot_remove = || format!("cannot remove {}", unfinished.display());
    remove_database(&unfinished).with_context(cannot_remove)?;
    files_of_database(&unfinished).iter().for_each(|file| clean_up::remove_at_a_signal(file));
    let moved = run(async {
        let (from, blobs) = open_postgres_and_blobs(&config.engines, url).await?;
        if is_in_use(&from).await? {
            let error = anyhow!(
                "servers use the database of store.url: stop all API nodes and workers first. A server that has just been \
                 stopped or killed counts as running for up to {} s",
                WORKER_GONE_AFTER.as_secs()
            );
            return Err(error).or_exit(Exit::Usage);
        }
        let to = SqlStore::open_sqlite(&unfinished).await?;
        if let Some(blobs) = blobs {
            let here = SharedPackages::new(blobs, local_packages(config, data)?, Bytes::new(u64::MAX))?;
            move_packages(from.packages().await?, move |hash| here.open(hash).map(drop)).await?;
        }
        from.move_to(&to, &mut log_progress).await?;
        to.close().await;
        from.close().await;
        if let Some(log) = log_beside(&unfinished)? {
            return Err(anyhow!("{} still has changes after the database was closed", log.display()).into());
        }
        let named = std::fs::rename(&unfinished, &database);
        let synced = named.and_then(|()| File::open(data.path())?.sync_all());
        synced.with_context(|| format!("cannot rename {} to {}", unfinished.display(), database.display()))?;
        outln!("moved to {}. Remove store.url and blobs.url from the configuration now.", database.display());
        outln!("The key that signs access tokens is not moved, so all users must log in again.");
        outln!(
            "Language files and images are not moved: copy `languages/` and `images/` of a worker to {}, if they exist.",
            data.path().display()
        );
        Ok(Exit::Ok)
    });
    if moved.is_err() {
        let _ = remove_database(&unfinished);
    }
    moved
}

/// Removes the files of a database that no process uses, if they exist.
fn remove_database(path: &Path) -> std::io::Result<()> {
    for file in files_of_database(path) {
        match std::fs::remove_file(file) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// The database, its write-ahead log, the index of the log, and the journal, which a new database has before it has a
/// log.
fn files_of_database(path: &Path) -> [PathBuf; 4] {
    ["", "-wal", "-shm", "-journal"].map(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        name.into()
    })
}

/// Whether an API node or a worker uses the store: another node leads, or a worker is alive.
async fn is_in_use(store: &SqlStore) -> anyhow::Result<bool> {
    // Heartbeats and the leader's term have the database's time. This machine's clock may differ.
    let now = store.clock().now();
    let is_led = !store.lead(NodeId::from_uuid(Uuid::new_v4()), now, now).await?;
    Ok(is_led || store.workers().await?.iter().any(|worker| worker.is_alive(now)))
}

fn local_packages(config: &Config, data: &DataDir) -> anyhow::Result<LocalPackages> {
    Ok(LocalPackages::open(&data.packages(), local::registry(config)?)?)
}

/// Moves packages one by one. A missing package is only reported, because its problem was broken before the move.
async fn move_packages(
    packages: Vec<ContentHash>,
    mut act: impl FnMut(&ContentHash) -> Result<(), PackagesError> + Send + 'static,
) -> anyhow::Result<()> {
    let moving = tokio::task::spawn_blocking(move || {
        let mut moved = 0;
        for hash in &packages {
            match act(hash) {
                Ok(()) => moved += 1,
                Err(missing @ PackagesError::Missing(_)) => errln!("{missing}, although a problem needs it"),
                Err(error) => return Err(error),
            }
        }
        log_progress("packages", moved);
        Ok(())
    });
    Ok(moving.await??)
}

fn log_progress(table: &'static str, rows: u64) {
    errln!("{table}: {rows}");
}
