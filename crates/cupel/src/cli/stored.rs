//! `cupel admin migrate|backup|restore|export|move`: the store as a whole.

use std::io::{BufWriter, ErrorKind, Write as _};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use cupel_core::problems::PackagesError;
use cupel_core::{Packages as _, ProblemStore as _, RunStore as _};
use cupel_store::{
    BackupError, LocalPackages, SharedPackages, SqliteStore, back_up, connect_blobs, restore, share_package,
};
use cupel_types::{Bytes, ContentHash};

use super::args::{Settings, StoredCommand};
use super::{CommandResult, Exit, Failure, OrExit};
use crate::compose::engines::{open_postgres, open_postgres_and_blobs, open_store};
use crate::config::{self, Config};
use crate::data_dir::DataDir;
use crate::{local, owner};

pub(super) fn stored(settings: &Settings, command: &StoredCommand) -> CommandResult {
    let (config, _) = config::load(&settings.overrides(None)).or_exit(Exit::Usage)?;
    let data = DataDir::open(&config.data)?;
    let beside = match command {
        StoredCommand::Backup { file } => Some(directory_of(file)),
        // Packages go there, or come from there.
        StoredCommand::Move { .. } => config.engines.shared_directory(),
        _ => None,
    };
    // What is written here has to be the server's to write, too.
    owner::become_owner_beside(&data, beside)?;
    match command {
        StoredCommand::Migrate => migrate(&config, &data),
        StoredCommand::Backup { file } => back_up_to(&config, &data, file),
        StoredCommand::Restore { file } => restore_from(&config, &data, file),
        StoredCommand::Export => export(&config, &data),
        StoredCommand::Move { url } if url == "sqlite" => move_here(&config, &data),
        StoredCommand::Move { url } => move_away(&config, &data, url),
    }
}

fn sqlite_only(config: &Config, remedy: &str) -> Result<(), Failure> {
    match &config.engines.store {
        None => Ok(()),
        Some(_) => Err(anyhow!("store.url names a PostgreSQL database; {remedy}")).or_exit(Exit::Usage),
    }
}

fn has_database(data: &DataDir) -> Result<(), Failure> {
    if DataDir::has_database(data.path()) {
        return Ok(());
    }
    let directory = data.path().display();
    Err(anyhow!("there is no database in {directory}: name the server's directory with --data")).or_exit(Exit::NotFound)
}

fn run(act: impl Future<Output = CommandResult>) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(act)
}

fn migrate(config: &Config, data: &DataDir) -> CommandResult {
    run(async {
        let (store, _) = open_store(config, data).await?;
        store.close().await;
        anstream::println!("the schema is this version's");
        Ok(Exit::Ok)
    })
}

fn back_up_to(config: &Config, data: &DataDir, file: &Path) -> CommandResult {
    sqlite_only(config, "pg_dump copies it: `pg_dump --format=custom --file FILE URL`")?;
    has_database(data)?;
    let bytes = back_up(&data.database(), file).map_err(|error| match error {
        BackupError::Target { path, source } if source.kind() == ErrorKind::PermissionDenied => anyhow!(
            "`{}` cannot be made by the owner of the data directory (user {}), who runs this: name a file in a directory where that \
             user may write",
            path.display(),
            rustix::process::geteuid().as_raw()
        ),
        error => error.into(),
    })?;
    anstream::println!("{}: {bytes} bytes", file.display());
    Ok(Exit::Ok)
}

fn directory_of(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

fn restore_from(config: &Config, data: &DataDir, file: &Path) -> CommandResult {
    sqlite_only(config, "pg_restore puts back what pg_dump copied: `pg_restore --dbname URL FILE`")?;
    let _alone = data.lock()?;
    let bytes = restore(file, &data.database())?;
    anstream::println!("{}: {bytes} bytes", data.database().display());
    Ok(Exit::Ok)
}

fn export(config: &Config, data: &DataDir) -> CommandResult {
    run(async {
        let mut out = BufWriter::new(std::io::stdout());
        match &config.engines.store {
            None => {
                has_database(data)?;
                let store = SqliteStore::open(&data.database()).await?;
                store.export(&mut out).await?;
                store.close().await;
            }
            Some(url) => {
                let (store, _) = open_postgres_and_blobs(&config.engines, url).await?;
                store.export(&mut out).await?;
                store.close().await;
            }
        }
        out.flush().context("cannot write what is exported")?;
        Ok(Exit::Ok)
    })
}

/// From the data directory into a PostgreSQL database, and packages to where `blobs.url` says: into that database, too, if it says
/// nothing.
fn move_away(config: &Config, data: &DataDir, url: &str) -> CommandResult {
    has_database(data)?;
    let _alone = data.lock()?;
    run(async {
        let from = SqliteStore::open(&data.database()).await?;
        let engines = &config.engines;
        let to = open_postgres(engines, url).await?;
        let blobs = connect_blobs(engines.blobs.as_deref().unwrap_or("postgres"), Some(url), &engines.cluster).await?;
        let local = local_packages(config, data)?;
        // They come first: who begins again finds them there.
        let packages = from.packages().await?;
        move_packages(packages, move |hash| share_package(&local, blobs.as_ref(), hash)).await?;
        from.move_to(&to, &mut tell).await?;
        to.close().await;
        from.close().await;
        anstream::println!("moved. Set store.url now, and keep {} until all is well.", data.path().display());
        if engines.blobs.is_none() {
            anstream::println!("Problems' packages are in that database, too: set blobs.url to \"postgres\".");
        }
        anstream::println!("secret.key is moved by nobody: who is logged in logs in again.");
        Ok(Exit::Ok)
    })
}

/// From the PostgreSQL database of `store.url` into the data directory, and packages from where `blobs.url` says.
fn move_here(config: &Config, data: &DataDir) -> CommandResult {
    let Some(url) = &config.engines.store else {
        let error = anyhow!("store.url is empty, so the store is that of the data directory already");
        return Err(error).or_exit(Exit::Usage);
    };
    let _alone = data.lock()?;
    run(async {
        let (from, blobs) = open_postgres_and_blobs(&config.engines, url).await?;
        let to = SqliteStore::open(&data.database()).await?;
        if let Some(blobs) = blobs {
            let here = SharedPackages::new(blobs, local_packages(config, data)?, Bytes::new(u64::MAX))?;
            move_packages(from.packages().await?, move |hash| here.open(hash).map(drop)).await?;
        }
        from.move_to(&to, &mut tell).await?;
        to.close().await;
        from.close().await;
        anstream::println!("moved to {}. Empty store.url and blobs.url now.", data.database().display());
        Ok(Exit::Ok)
    })
}

fn local_packages(config: &Config, data: &DataDir) -> anyhow::Result<LocalPackages> {
    Ok(LocalPackages::open(&data.packages(), local::registry(&config.languages)?)?)
}

/// Moves one after the other. One that is not there any more is told of: its problem is as broken afterwards as it was before.
async fn move_packages(
    packages: Vec<ContentHash>,
    mut act: impl FnMut(&ContentHash) -> Result<(), PackagesError> + Send + 'static,
) -> anyhow::Result<()> {
    let moving = tokio::task::spawn_blocking(move || {
        let mut moved = 0;
        for hash in &packages {
            match act(hash) {
                Ok(()) => moved += 1,
                Err(missing @ PackagesError::Missing(_)) => anstream::eprintln!("{missing}, which a problem names"),
                Err(error) => return Err(error),
            }
        }
        tell("packages", moved);
        Ok(())
    });
    Ok(moving.await??)
}

fn tell(table: &'static str, rows: u64) {
    anstream::eprintln!("{table}: {rows}");
}
