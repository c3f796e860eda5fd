//! `cupel images`: adds, lists, checks and removes container images.

pub(super) mod args;

use std::time::Instant;

use anyhow::{Context, anyhow};
use cupel_images::{AddedImage, Image, ImageError, ImageStore, Pruned, RegistryOptions, Source};
use cupel_types::{ImageName, ImageRoot, counted};
use serde_json::{Value, json};

use self::args::{Images, ImagesCommand};
use super::{CommandResult, Exit, Failure, OrExit};
use crate::config::{self, Config};
use crate::data_dir::DataDir;
use crate::local;
use crate::terminal::{Table, good, harmless, in_line};
use crate::{images, owner};

pub(super) fn images(args: &Images) -> CommandResult {
    let (config, layers) = config::load(&args.settings.overrides(None)).or_exit(Exit::Usage)?;
    if config.images.directory.is_none() && !layers.is_default("data.directory") {
        // Otherwise, the images would seem to be absent.
        DataDir::has_server(&config.data).or_exit(Exit::Usage)?;
    }
    let store = images::store(&config)
        .context("there is no directory for images: name one with --data")
        .or_exit(Exit::Usage)?;
    let name = |text: &str| text.parse::<ImageName>().map_err(anyhow::Error::from).or_exit(Exit::Usage);
    match &args.command {
        None | Some(ImagesCommand::List) => list(&store, args.json),
        Some(ImagesCommand::Add { name: text, source, credentials }) => {
            let name = name(text)?;
            let source: Source = source.parse().map_err(anyhow::Error::from).or_exit(Exit::Usage)?;
            let mut registries = config.images.registries.clone();
            if let Some(credentials) = credentials {
                registries.credentials = Some(credentials.clone());
            }
            let added = add(&store, &name, &source, &registries, args.json)?;
            if images::is_users_own(&config) {
                errln!(
                    "It is for commands of this user, such as `cupel run`. No server has started in {}: to add an image for a server, \
                     start the server once, and name its data directory with --data.",
                    config.data.display()
                );
            }
            Ok(added)
        }
        Some(ImagesCommand::Inspect { name: text }) => {
            let image = store.get(&name(text)?).map_err(failure)?;
            outln!("{:#}", described(&image));
            Ok(Exit::Ok)
        }
        Some(ImagesCommand::Verify { name: text }) => {
            let name = name(text)?;
            become_owner(&store, None)?;
            verify(&store, &name, args.json)
        }
        Some(ImagesCommand::Remove { name: text }) => {
            let name = name(text)?;
            become_owner(&store, None)?;
            let users = users_of(&config, &name);
            let pruned = store.remove(&name).map_err(failure)?;
            match args.json {
                true => outln!("{}", freed_json(&pruned)),
                false if pruned.deferred => outln!("removed {name}; {}", deferred("its files")),
                false => outln!("removed {name}; {}", freed(&pruned)),
            }
            if !users.is_empty() {
                errln!(
                    "warning: language files name this image, so these languages are not available until an image has that name again: {}",
                    users.join(", ")
                );
            }
            Ok(Exit::Ok)
        }
        Some(ImagesCommand::Prune) => {
            become_owner(&store, None)?;
            let pruned = store.prune().map_err(failure)?;
            match args.json {
                true => outln!("{}", freed_json(&pruned)),
                false if pruned.deferred => outln!("removed nothing; {}", deferred("unneeded files")),
                false => outln!("{}", freed(&pruned)),
            }
            Ok(Exit::Ok)
        }
    }
}

/// The languages whose files name an image.
fn users_of(config: &Config, name: &ImageName) -> Vec<String> {
    // Faults of language files are reported by the commands that need the languages.
    let Ok(registry) = local::registry(config) else { return Vec::new() };
    let uses = registry.iter().filter(|language| language.image.as_ref() == Some(name));
    uses.map(|language| language.id.to_string()).collect()
}

/// Exit code of an error of the store.
fn failure(error: ImageError) -> Failure {
    let exit = match error {
        ImageError::Source(_) | ImageError::Unreadable { .. } | ImageError::Refused { .. } => Exit::Usage,
        ImageError::Unknown(_) => Exit::NotFound,
        ImageError::Remote { .. } => Exit::Server,
        ImageError::Full { .. } | ImageError::Damaged { .. } | ImageError::Io { .. } => Exit::System,
    };
    Failure { exit, error: error.into() }
}

/// Switches to the owner of the store, so that a server can change what this command creates. Keeps `group`.
fn become_owner(store: &ImageStore, group: Option<u32>) -> Result<(), Failure> {
    store.create().map_err(failure)?;
    let directory = store.directory();
    // A server's data directory, unless `images.directory` names another place.
    let above = directory.parent().unwrap_or(directory);
    owner::become_owner_of_part(above, directory, group).or_exit(Exit::System)
}

fn add(
    store: &ImageStore,
    name: &ImageName,
    source: &Source,
    registries: &RegistryOptions,
    as_json: bool,
) -> CommandResult {
    // The owner of the store may not be able to reach the source, and sees an empty directory above a data directory
    // that other users cannot enter.
    let opened = source.open().map_err(failure)?;
    let socket = images::socket_of(source, registries);
    become_owner(store, socket.as_deref().and_then(images::group_of))?;
    if let Some(socket) = socket.filter(|socket| images::is_closed(socket)) {
        return Err(anyhow!(
            "cannot use the socket {}: this command asks Docker Engine as the owner of the data directory (user {}); give the socket \
             a group other than root (`dockerd --group docker`), or save the image first (`docker save --output FILE IMAGE`) and add \
             the file",
            socket.display(),
            rustix::process::geteuid()
        ))
        .or_exit(Exit::Usage);
    }
    let began = Instant::now();
    let added = store.add_opened(name, &opened, registries).map_err(failure)?;
    if as_json {
        outln!("{}", described(&added.image));
        return Ok(Exit::Ok);
    }
    let AddedImage { image, layers_unpacked, bytes_unpacked, replaced } = added;
    let seconds = began.elapsed().as_secs_f64();
    outln!("{} {} (sha256:{})", good("added"), image.name, image.digest_or_id());
    outln!(
        "  {}, {layers_unpacked} new; {:.1} MiB unpacked in {seconds:.1} s; files and directories: {}",
        counted(image.layers.len(), "layer"),
        mib(bytes_unpacked),
        image.entries
    );
    if image.left_out > 0 || image.privileges_dropped > 0 {
        outln!(
            "  omitted devices, pipes and sockets: {}; files whose set-user-id bits or capabilities were dropped: {}",
            image.left_out,
            image.privileges_dropped
        );
    }
    if let Some(before) = replaced {
        outln!("  the name belonged to sha256:{before}; `cupel images prune` removes unused layers and roots");
    }
    outln!("Use it in a language file with: image = \"{}\"", image.name);
    Ok(Exit::Ok)
}

fn list(store: &ImageStore, as_json: bool) -> CommandResult {
    let images = store.list().map_err(failure)?;
    if as_json {
        outln!("{}", json!({ "images": images.iter().map(described).collect::<Vec<_>>() }));
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(&["NAME", "DIGEST", "LAYERS", "SIZE", "ADDED", "SOURCE"]);
    for image in &images {
        let digest = image.digest_or_id().to_string();
        table.row(vec![
            image.name.to_string(),
            digest.chars().take(12).collect(),
            image.layers.len().to_string(),
            format!("{:.1} MiB", mib(image.bytes)),
            date(image.added),
            in_line(&image.source),
        ]);
    }
    table.print();
    Ok(Exit::Ok)
}

fn verify(store: &ImageStore, name: &ImageName, as_json: bool) -> CommandResult {
    let damaged = store.verify(name).map_err(failure)?;
    if as_json {
        let paths: Vec<_> = damaged.iter().map(|path| path.to_string_lossy()).collect();
        outln!("{}", json!({ "name": name.as_str(), "damaged": paths }));
        return Ok(if damaged.is_empty() { Exit::Ok } else { Exit::Failed });
    }
    if damaged.is_empty() {
        outln!("{name}: all files are unchanged since they were unpacked");
        return Ok(Exit::Ok);
    }
    damaged.iter().for_each(|path| outln!("damaged: {}", harmless(&path.to_string_lossy())));
    let error = anyhow!("{name} has {}; remove the image and add it again", counted(damaged.len(), "damaged file"));
    Err(error).or_exit(Exit::Failed)
}

fn deferred(files: &str) -> String {
    format!("an image is being added or verified, so {files} are removed by a later `cupel images prune`")
}

fn freed(pruned: &Pruned) -> String {
    let later = match pruned.in_use {
        0 => String::new(),
        n => format!("; {} in use, removed by a later prune", counted(n, "image")),
    };
    format!("removed {} and {}{later}", counted(pruned.roots, "unpacked image"), counted(pruned.layers, "layer"))
}

fn freed_json(pruned: &Pruned) -> Value {
    let Pruned { roots, layers, in_use, deferred } = *pruned;
    let mut object = json!({ "unpacked_images": roots, "layers": layers, "in_use": in_use });
    if deferred {
        object["deferred"] = true.into();
    }
    object
}

fn described(image: &Image) -> Value {
    let digest = |hash: &cupel_types::ContentHash| format!("sha256:{hash}");
    json!({
        "name": image.name.as_str(),
        "id": digest(&image.id),
        "digest": image.digest.as_ref().map(digest),
        "source": image.source,
        "added_at": date(image.added),
        "architecture": image.architecture,
        "layers": image.layers.iter().map(digest).collect::<Vec<_>>(),
        "bytes": image.bytes,
        "entries": image.entries,
        "left_out": image.left_out,
        "privileges_dropped": image.privileges_dropped,
        "env": image.config.env.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>(),
        "working_directory": image.config.directory,
        "linked_directory": ImageRoot::working_directory(image.config.directory.as_deref()),
        "user": image.config.user,
        "user_id": image.program_uid(),
    })
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Formats a time in seconds since 1970 as in RFC 3339.
fn date(seconds: u64) -> String {
    images::timestamp(seconds).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_store_has_the_exit_code_of_its_kind() {
        let refused = ImageError::Refused { part: "layer".to_owned(), reason: "x".to_owned() };
        assert_eq!(failure(refused).exit, Exit::Usage);
        assert_eq!(failure(ImageError::Unknown("a".parse().unwrap())).exit, Exit::NotFound);
        let remote = ImageError::Remote { remote: "x".to_owned(), reason: "y".to_owned() };
        assert_eq!(failure(remote).exit, Exit::Server);
        assert_eq!(date(0), "1970-01-01T00:00:00Z");
        assert!(ImageError::Full { needed: 1, bound: 2 }.to_string().contains("images.disk_max"));
    }
}
