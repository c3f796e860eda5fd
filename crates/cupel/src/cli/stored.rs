//! `cupel admin migrate|backup|restore|export|move`: the store as a whole.

use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use cupel_core::RunStore as _;
use cupel_store::{PostgresOptions, PostgresStore, SqliteStore, back_up, restore};

use super::args::{Settings, StoredCommand};
use super::{CommandResult, Exit, Failure, OrExit};
use crate::compose::engines::open_store;
use crate::config::{self, Config};
use crate::data_dir::DataDir;
use crate::owner;

pub(super) fn stored(settings: &Settings, command: &StoredCommand) -> CommandResult {
    let (config, _) = config::load(&settings.overrides(None)).or_exit(Exit::Usage)?;
    let data = DataDir::open(&config.data)?;
    // What is written here has to be the server's to write, too.
    owner::become_owner(&data)?;
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
    let bytes = back_up(&data.database(), file)?;
    anstream::println!("{}: {bytes} bytes", file.display());
    Ok(Exit::Ok)
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
                let store = PostgresStore::open(PostgresOptions::new(url, &config.engines.cluster)).await?;
                store.export(&mut out).await?;
                store.close().await;
            }
        }
        out.flush().context("cannot write what is exported")?;
        Ok(Exit::Ok)
    })
}

/// From the data directory into a PostgreSQL database.
fn move_away(config: &Config, data: &DataDir, url: &str) -> CommandResult {
    has_database(data)?;
    let _alone = data.lock()?;
    run(async {
        let from = SqliteStore::open(&data.database()).await?;
        let to = PostgresStore::open(PostgresOptions::new(url, &config.engines.cluster)).await?;
        from.move_to(&to, &mut tell).await?;
        to.close().await;
        from.close().await;
        anstream::println!("moved. Set store.url now, and keep {} until all is well.", data.database().display());
        anstream::println!("What lies beside it is moved by nobody: packages/ and secret.key.");
        Ok(Exit::Ok)
    })
}

/// From the PostgreSQL database of `store.url` into the data directory.
fn move_here(config: &Config, data: &DataDir) -> CommandResult {
    let Some(url) = &config.engines.store else {
        let error = anyhow!("store.url is empty, so the store is that of the data directory already");
        return Err(error).or_exit(Exit::Usage);
    };
    let _alone = data.lock()?;
    run(async {
        let from = PostgresStore::open(PostgresOptions::new(url, &config.engines.cluster)).await?;
        let to = SqliteStore::open(&data.database()).await?;
        from.move_to(&to, &mut tell).await?;
        to.close().await;
        from.close().await;
        anstream::println!("moved to {}. Empty store.url now.", data.database().display());
        Ok(Exit::Ok)
    })
}

fn tell(table: &'static str, rows: u64) {
    anstream::eprintln!("{table}: {rows}");
}
